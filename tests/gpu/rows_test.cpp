// Routing, dispatch and combine on GPUs against the reference, every byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/environment.hpp"
#include "core/numeric/convert.hpp"
#include "core/topology/placement.hpp"
#include "crossdock/reference.hpp"
#include "harness/compare.hpp"
#include "harness/host_rows.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/combine/combine_any.hpp"
#include "kernels/dispatch/dispatch.hpp"

namespace crossdock::gpu {
namespace {

using device::CallState;

std::vector<std::uint16_t> draw_bf16(std::size_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> values(count);
  for (auto& value : values) value = core::bf16_from_float(normal(random));
  return values;
}

/// All of one case: inputs, reference, GPUs.
class Trial {
 public:
  Trial(Node& node, const Case& c, std::mt19937& random) : node_(node), case_(c) {
    problem_ = {.num_ranks = c.num_ranks, .num_experts = c.num_experts, .live = c.live};
    node.set_live(c.live);
    for (std::size_t rank = 0; rank < node.size(); ++rank) {
      hosts_.push_back(draw_rank(c, c.tokens[rank], random));
      node.at(rank).use_device();
      devices_.push_back(upload(c, hosts_.back(), c.tokens[rank]));
    }
    for (std::size_t rank = 0; rank < node.size(); ++rank) {
      inputs_.push_back(input_of(c, hosts_[rank], c.tokens[rank]));
      options_.push_back({.max_recv_rows = 0});
      for (const int tokens : c.tokens) *options_.back().max_recv_rows += tokens;
      *options_.back().max_recv_rows += static_cast<std::int64_t>(random() % 3);
    }
    dispatched_ = reference::dispatch(problem_, inputs_, options_);
  }

  void check_dispatch(const kernels::DispatchVariant& variant) {
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      const GpuRank& gpu = node_.at(rank);
      gpu.use_device();
      poison(gpu.x_out(), dispatched_[rank].x.bytes.size());
      poison(gpu.scales_out(), dispatched_[rank].scales.bytes.size());
      poison(gpu.idx_out(), dispatched_[rank].topk_idx.bytes.size());
      poison(gpu.weights_out(), dispatched_[rank].topk_weights.bytes.size());
      kernels::check_cuda(cudaDeviceSynchronize(), "poison");
    }
    node_.call(GpuRank::Call::kDispatch, [&](std::size_t rank, const GpuRank& gpu) {
      kernels::DispatchArgs args = gpu.dispatch(devices_[rank].source, *options_[rank].max_recv_rows);
      args.with_tokens = true;
      kernels::launch_routing(gpu.routing(devices_[rank].source), gpu.stream());
      kernels::launch_dispatch(args, case_.num_sms, variant, gpu.stream());
    });
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      if (node_.is_live(rank)) compare_dispatch(rank);
    }
  }

  /// `launch(args, num_sms, stream)`, on bf16 rows.
  template <typename Launch>
  void check_combine(const Launch& launch, std::mt19937& random) {
    if (case_.dtype != DType::kBf16) return;
    const bool biased = random() % 2 == 0;
    draw_combine(biased, random);
    node_.call(GpuRank::Call::kCombine, [&](std::size_t rank, const GpuRank& gpu) {
      kernels::CombineArgs args = gpu.combine(devices_[rank].source);
      if (biased) args.bias0 = biases_[rank][0].as<std::byte>();
      if (biased) args.bias1 = biases_[rank][1].as<std::byte>();
      if (case_.weights) args.topk_weights = gpu.collected_weights();
      launch(args, case_.num_sms, gpu.stream());
    });
    const auto expected = reference::combine(problem_, inputs_, options_, combines_, {});
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      if (!node_.is_live(rank)) continue;
      const GpuRank& gpu = node_.at(rank);
      gpu.use_device();
      EXPECT_EQ(gpu.combine_outcome().state, CallState::kDone);
      expect_bytes(expected[rank].y, gpu.y(), "y", static_cast<int>(rank));
      expect_bytes(expected[rank].topk_weights, gpu.collected_weights(), "weights", static_cast<int>(rank));
    }
  }

 private:
  int holder(std::size_t source, std::size_t at) const {
    const core::Placement placement{.num_experts = case_.num_experts, .num_ranks = case_.num_ranks};
    const std::int64_t expert = hosts_[source].idx[at];
    const int rank = expert < 0 ? -1 : placement.rank_of(static_cast<int>(expert));
    return rank >= 0 && node_.is_live(static_cast<std::size_t>(rank)) ? rank : -1;
  }

  bool goes(std::size_t source, int token, std::size_t rank) const {
    for (int k = 0; k < case_.top_k; ++k) {
      if (holder(source, static_cast<std::size_t>(token * case_.top_k + k)) == static_cast<int>(rank)) return true;
    }
    return false;
  }

  /// What the reference does not return.
  void compare_facts(std::size_t rank) {
    const GpuRank& gpu = node_.at(rank);
    std::vector<std::int32_t> tokens, first, rows, selections;
    for (std::size_t source = 0; source < node_.size(); ++source) {
      first.push_back(static_cast<std::int32_t>(tokens.size()));
      for (int token = 0; node_.is_live(source) && token < case_.tokens[source]; ++token) {
        if (goes(source, token, rank)) tokens.push_back(token);
      }
      rows.push_back(static_cast<std::int32_t>(tokens.size()) - first.back());
    }
    for (std::size_t at = 0; at < hosts_[rank].idx.size(); ++at) {
      selections.push_back(holder(rank, at) < 0 ? -1 : hosts_[rank].idx32[at]);
    }
    EXPECT_EQ(read_back<std::int32_t>(gpu.tokens_out(), tokens.size()), tokens);
    EXPECT_EQ(read_back<std::int32_t>(gpu.source_first(), first.size()), first);
    EXPECT_EQ(read_back<std::int32_t>(gpu.source_rows(), rows.size()), rows);
    EXPECT_EQ(read_back<std::int32_t>(gpu.selections(), selections.size()), selections);
    EXPECT_EQ(read_back<std::int64_t>(gpu.num_rows(), 1)[0], dispatched_[rank].num_rows);
    EXPECT_EQ(read_back<std::uint32_t>(gpu.failed(), 1)[0], 0U);
  }

  void compare_dispatch(std::size_t rank) {
    const GpuRank& gpu = node_.at(rank);
    const reference::Dispatched& expected = dispatched_[rank];
    gpu.use_device();
    ASSERT_EQ(gpu.outcome().state, CallState::kDone);
    EXPECT_EQ(gpu.outcome().num_rows, expected.num_rows);
    EXPECT_EQ(gpu.outcome().wire_rows, expected.num_rows);
    const int number = static_cast<int>(rank);
    expect_bytes(expected.x, gpu.x_out(), "x", number);
    expect_bytes(expected.scales, gpu.scales_out(), "scales", number);
    expect_bytes(expected.topk_idx, gpu.idx_out(), "topk_idx", number);
    expect_bytes(expected.topk_weights, gpu.weights_out(), "topk_weights", number);
    expect_bytes(expected.tokens_per_expert, gpu.tokens_per_expert(), "tokens_per_expert", number);
    compare_facts(rank);
  }

  void draw_combine(bool biased, std::mt19937& random) {
    combines_.clear();
    rows_.resize(node_.size());
    host_biases_.resize(node_.size());
    biases_.clear();
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      const GpuRank& gpu = node_.at(rank);
      gpu.use_device();
      const std::int64_t num_rows = *options_[rank].max_recv_rows;
      rows_[rank] = draw_bf16(static_cast<std::size_t>(num_rows * case_.hidden), random);
      if (num_rows > 0) {
        kernels::check_cuda(
            cudaMemcpy(gpu.combine_rows(), rows_[rank].data(), rows_[rank].size() * 2, cudaMemcpyHostToDevice), "rows");
      }
      CombineInput input{
          .x = dense_view(static_cast<const void*>(rows_[rank].data()), DType::kBf16, {num_rows, case_.hidden})};
      if (case_.weights && node_.is_live(rank)) {
        input.recv_topk_weights = std::as_const(dispatched_[rank]).topk_weights.view();
      }
      draw_biases(rank, biased, input, random);
      poison(gpu.y(), static_cast<std::size_t>(case_.tokens[rank] * case_.row_bytes()));
      kernels::check_cuda(cudaDeviceSynchronize(), "rows");
      combines_.push_back(input);
    }
  }

  void draw_biases(std::size_t rank, bool biased, CombineInput& input, std::mt19937& random) {
    biases_.emplace_back();
    if (!biased) return;
    for (std::size_t i = 0; i < 2; ++i) {
      auto& bias = host_biases_[rank][i];
      bias = draw_bf16(static_cast<std::size_t>(case_.tokens[rank] * case_.hidden), random);
      biases_.back()[i] = DeviceBuffer::copy_of(bias);
      (i == 0 ? input.bias0 : input.bias1) =
          dense_view(static_cast<const void*>(bias.data()), DType::kBf16, {case_.tokens[rank], case_.hidden});
    }
  }

  Node& node_;
  Case case_;
  reference::Problem problem_;
  std::vector<HostRank> hosts_;
  std::vector<DeviceInput> devices_;
  std::vector<DispatchInput> inputs_;
  std::vector<DispatchOptions> options_;
  std::vector<reference::Dispatched> dispatched_;
  std::vector<CombineInput> combines_;
  std::vector<std::vector<std::uint16_t>> rows_;
  std::vector<std::array<std::vector<std::uint16_t>, 2>> host_biases_;
  std::vector<std::array<DeviceBuffer, 2>> biases_;
};

Case draw_case(int num_ranks, int num_experts, int max_tokens, std::mt19937& random) {
  Case c{.num_ranks = num_ranks, .num_experts = num_experts};
  c.top_k = pick(random, {1, 2, 4, 8});
  c.hidden = pick(random, {8, 64, 256, 1024, 1536, 2048, 4096, 7168});
  c.dtype = pick(random, {DType::kBf16, DType::kFp8E4m3});
  if (c.dtype == DType::kFp8E4m3) {
    c.hidden = (c.hidden + 31) / 32 * 32;
    c.scale_words = std::min(pick(random, {1, 3, 16, 56, 70}), (c.hidden + 31) / 32);
    c.column_major_scales = random() % 4 == 0;
  }
  c.idx_is_64 = random() % 2 == 0;
  c.weights = random() % 4 != 0;
  c.none = pick(random, {0.0, 0.1, 0.9, 1.0});
  c.skewed = random() % 3 == 0;
  c.num_sms = std::min(pick(random, {1, 2, 7, 16}), most_sms(num_ranks));
  draw_ranks(c, max_tokens, random);
  return c;
}

class Rows : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    if (num_devices() == 0) GTEST_SKIP() << "no GPU";
  }
};

TEST_P(Rows, RandomCasesEqualTheReference) {
  constexpr int kMaxTokens = 300;
  const auto cases = base::environment_integer("CROSSDOCK_GPU_CASES", 1, 1'000'000).value_or(24);
  const int num_ranks = GetParam();
  const int num_experts = 2 * num_ranks + 3;
  // Capacities are up to two rows more than can arrive.
  Node node(num_ranks, num_experts, {.max_tokens = kMaxTokens + 2, .max_row_bytes = 14336, .max_scale_words = 70});
  std::mt19937 random(static_cast<unsigned>(20260000 + num_ranks));
  for (int i = 0; i < cases; ++i) {
    const Case c = draw_case(num_ranks, num_experts, kMaxTokens, random);
    SCOPED_TRACE(testing::Message() << "case " << i << ": hidden " << c.hidden << ", top_k " << c.top_k << ", fp8 "
                                    << (c.scale_words > 0) << ", sms " << c.num_sms << ", masked " << !c.live.empty());
    Trial trial(node, c, random);
    for (const auto& variant : kernels::dispatch_variants()) trial.check_dispatch(variant);
    for (const auto& variant : kernels::combine_variants()) {
      trial.check_combine([&](const kernels::CombineArgs& args, int num_sms,
                              cudaStream_t stream) { kernels::launch_combine(args, num_sms, variant, stream); },
                          random);
    }
    trial.check_combine(kernels::launch_combine_any, random);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, Rows, testing::Values(1, 2, 3, 4, 8));

/// Two ranks of 64 tokens each, all of them sent.
class TwoRanks : public testing::Test {
 protected:
  void SetUp() override {
    if (num_devices() == 0) GTEST_SKIP() << "no GPU";
    node_ = std::make_unique<Node>(2, 4, RankLimits{.max_tokens = 64, .max_row_bytes = 512});
    std::mt19937 random(7);
    for (std::size_t rank = 0; rank < 2; ++rank) {
      hosts_.push_back(draw_rank(case_, 64, random));
      node_->at(rank).use_device();
      inputs_.push_back(upload(case_, hosts_.back(), 64));
      poison(node_->at(rank).x_out(), 128 * 512);
      kernels::check_cuda(cudaDeviceSynchronize(), "poison");
    }
  }

  GpuRank& gpu(std::size_t rank) { return node_->at(rank); }

  /// `change(rank, args)` alters what a rank gives.
  template <typename Change>
  void dispatch(const Change& change) {
    node_->call(GpuRank::Call::kDispatch, [&](std::size_t rank, const GpuRank& gpu) {
      kernels::DispatchArgs args = gpu.dispatch(inputs_[rank].source, 128);
      change(rank, args);
      kernels::launch_routing(gpu.routing(inputs_[rank].source), gpu.stream());
      kernels::launch_dispatch(args, 4, kernels::dispatch_variants().front(), gpu.stream());
    });
  }

  void expect_nothing(std::size_t rank, std::size_t capacity) {
    const GpuRank& of = gpu(rank);
    of.use_device();
    for (const std::byte byte : read_back<std::byte>(of.x_out(), 128 * 512)) ASSERT_EQ(byte, reference::kPoison);
    for (const std::int64_t entry : read_back<std::int64_t>(of.idx_out(), capacity * 2)) ASSERT_EQ(entry, -1);
    EXPECT_EQ(of.outcome().num_rows, 0);
    EXPECT_EQ(read_back<std::int64_t>(of.num_rows(), 1)[0], 0);
    EXPECT_EQ(read_back<std::uint32_t>(of.failed(), 1)[0], 1U);
    const std::vector<std::int32_t> none(2, 0);
    EXPECT_EQ(read_back<std::int32_t>(of.source_rows(), 2), none);
    EXPECT_EQ(read_back<std::int32_t>(of.tokens_per_expert(), 2), none);
  }

  void expect_done() {
    dispatch([](std::size_t, kernels::DispatchArgs&) {});
    for (std::size_t rank = 0; rank < 2; ++rank) {
      EXPECT_EQ(gpu(rank).outcome().state, CallState::kDone);
      EXPECT_GT(gpu(rank).outcome().num_rows, 0);
    }
  }

  Case case_{.num_experts = 4, .top_k = 2, .none = 0, .tokens = {64, 64}};
  std::unique_ptr<Node> node_;
  std::vector<HostRank> hosts_;
  std::vector<DeviceInput> inputs_;
};

TEST_F(TwoRanks, MoreRowsThanCapacityFailOnAllRanks) {
  dispatch([](std::size_t rank, kernels::DispatchArgs& args) {
    if (rank == 1) args.offer.capacity = 10;
  });
  for (std::size_t rank = 0; rank < 2; ++rank) {
    const device::CallOutcome& outcome = gpu(rank).outcome();
    EXPECT_EQ(outcome.state, CallState::kCapacityExceeded);
    EXPECT_EQ(outcome.rank, 1);
    EXPECT_GT(outcome.rows_needed, 10);
    EXPECT_EQ(outcome.rows_taken, 10);
    expect_nothing(rank, rank == 0 ? 128 : 10);
  }
  expect_done();
}

TEST_F(TwoRanks, ContiguousCountsRowsOfTheLayout) {
  std::vector<std::int64_t> layout_rows(2, 0);
  for (int expert = 0; expert < 4; ++expert) {
    std::int64_t rows = 0;
    for (const HostRank& host : hosts_) rows += std::count(host.idx.begin(), host.idx.end(), expert);
    layout_rows[static_cast<std::size_t>(expert / 2)] += (rows + 127) / 128 * 128;
  }
  const auto contiguous = [&](std::int64_t too_few) {
    return [&, too_few](std::size_t rank, kernels::DispatchArgs& args) {
      args.is_contiguous = true;
      args.clear_past_the_end = false;
      args.expert_alignment = 128;
      args.layout_capacity = layout_rows[rank] - (rank == 1 ? too_few : 0);
    };
  };
  dispatch(contiguous(0));
  for (std::size_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(gpu(rank).outcome().state, CallState::kDone);
    EXPECT_EQ(gpu(rank).outcome().num_rows, layout_rows[rank]);
    gpu(rank).use_device();
    EXPECT_EQ(read_back<std::int64_t>(gpu(rank).num_rows(), 1)[0], layout_rows[rank]);
  }
  dispatch(contiguous(1));
  for (std::size_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(gpu(rank).outcome().state, CallState::kCapacityExceeded);
    EXPECT_EQ(gpu(rank).outcome().rank, 1);
    EXPECT_EQ(gpu(rank).outcome().rows_needed, layout_rows[1]);
    EXPECT_EQ(gpu(rank).outcome().rows_taken, layout_rows[1] - 1);
  }
}

TEST_F(TwoRanks, TermsThatDifferFailOnBothAndNameTheField) {
  dispatch([](std::size_t rank, kernels::DispatchArgs& args) {
    args.terms.agreed[3] = 5;
    args.terms.agreed[7] = rank == 0 ? 1 : 2;
    args.terms.agreed[19] = static_cast<std::int32_t>(rank);
  });
  for (std::size_t rank = 0; rank < 2; ++rank) {
    const device::CallOutcome& outcome = gpu(rank).outcome();
    EXPECT_EQ(outcome.state, CallState::kMismatch);
    EXPECT_EQ(outcome.rank, rank == 0 ? 1 : 0);
    EXPECT_EQ(outcome.field, 7);
    EXPECT_EQ(outcome.theirs, rank == 0 ? 2 : 1);
    expect_nothing(rank, 128);
  }
  expect_done();
}

TEST_F(TwoRanks, ARejectedCallFailsOnThePeerAtOnce) {
  for (int repetition = 0; repetition < 50; ++repetition) {
    dispatch([](std::size_t rank, kernels::DispatchArgs& args) {
      args.terms.agreed[0] = static_cast<std::int32_t>(rank);
      if (rank == 1) args.terms.rejected = 3;
    });
    const device::CallOutcome& outcome = gpu(0).outcome();
    EXPECT_EQ(outcome.state, CallState::kRejectedByPeer);
    EXPECT_EQ(outcome.rank, 1);
    EXPECT_EQ(outcome.theirs, 3);
  }
  expect_nothing(0, 128);
  expect_done();
}

TEST_F(TwoRanks, CombineChecksItsTermsToo) {
  expect_done();
  for (const bool rejects : {false, true}) {
    for (std::size_t rank = 0; rank < 2; ++rank) {
      gpu(rank).use_device();
      poison(gpu(rank).y(), 64 * 512);
      kernels::check_cuda(cudaDeviceSynchronize(), "poison");
    }
    node_->call(GpuRank::Call::kCombine, [&](std::size_t rank, const GpuRank& of) {
      kernels::CombineArgs args = of.combine(inputs_[rank].source);
      args.terms.agreed[2] = static_cast<std::int32_t>(rank) + 10;
      if (rejects && rank == 0) args.terms.rejected = 1;
      kernels::launch_combine(args, 4, kernels::combine_variants().front(), of.stream());
    });
    for (std::size_t rank = 0; rank < 2; ++rank) {
      const device::CallOutcome& outcome = gpu(rank).combine_outcome();
      EXPECT_EQ(outcome.state, rejects ? CallState::kRejectedByPeer : CallState::kMismatch);
      EXPECT_EQ(outcome.rank, rejects || rank == 1 ? 0 : 1);
      EXPECT_EQ(outcome.field, rejects ? -1 : 2);
      EXPECT_EQ(outcome.theirs, rejects ? 1 : rank == 1 ? 10 : 11);
      gpu(rank).use_device();
      for (const std::byte byte : read_back<std::byte>(gpu(rank).y(), 64 * 512)) ASSERT_EQ(byte, reference::kPoison);
    }
  }
}

TEST_F(TwoRanks, AnIndexOutOfRangeCountsAsNoneAndIsReportedOnce) {
  hosts_[0].idx[5] = 4;
  hosts_[0].idx[9] = -7;
  hosts_[1].idx[0] = -1;
  for (std::size_t rank = 0; rank < 2; ++rank) {
    gpu(rank).use_device();
    inputs_[rank] = upload(case_, hosts_[rank], 64);
  }
  expect_done();
  const device::WaitReport& report = gpu(0).index_report();
  EXPECT_EQ(report.written, 1U);
  EXPECT_EQ(report.phase, device::Phase::kIndex);
  EXPECT_EQ(report.expected, 4U);
  const auto index = static_cast<std::int64_t>(report.observed);
  EXPECT_TRUE(index == 4 || index == -7) << index;
  EXPECT_EQ(gpu(1).index_report().written, 0U);
  gpu(0).use_device();
  const auto selections = read_back<std::int32_t>(gpu(0).selections(), 128);
  EXPECT_EQ(selections[5], -1);
  EXPECT_EQ(selections[9], -1);
  EXPECT_EQ(selections[6], hosts_[0].idx32[6]);
}

TEST_F(TwoRanks, IndicesArriveInTheTypeThatIsAskedFor) {
  for (DeviceInput& input : inputs_) input.source.recv_idx_is_64 = true;
  expect_done();
  gpu(0).use_device();
  const auto wide = read_back<std::int64_t>(gpu(0).idx_out(), 256);
  for (DeviceInput& input : inputs_) input.source.recv_idx_is_64 = false;
  expect_done();
  const auto narrow = read_back<std::int32_t>(gpu(0).idx_out(), 256);
  EXPECT_EQ(std::vector<std::int64_t>(narrow.begin(), narrow.end()), wide);
}

TEST_F(TwoRanks, ARankThatNeverCallsIsReportedAndTheContextLives) {
  const auto launch = [&](std::size_t rank) {
    gpu(rank).use_device();
    kernels::launch_routing(gpu(rank).routing(inputs_[rank].source), gpu(rank).stream());
    kernels::launch_dispatch(gpu(rank).dispatch(inputs_[rank].source, 128), 4, kernels::dispatch_variants().front(),
                             gpu(rank).stream());
    ASSERT_EQ(cudaStreamSynchronize(gpu(rank).stream()), cudaSuccess);
  };
  gpu(0).set_deadline_ms(50);
  launch(0);
  EXPECT_EQ(gpu(0).outcome().state, CallState::kGaveUp);
  EXPECT_EQ(gpu(0).report().written, 1U);
  EXPECT_EQ(gpu(0).report().phase, device::Phase::kAnnounce);
  EXPECT_EQ(gpu(0).report().peer, 1);
  expect_nothing(0, 128);

  // The error is sticky: the next call fails without waiting.
  gpu(0).set_deadline_ms(100'000);
  launch(0);
  EXPECT_EQ(gpu(0).outcome().state, CallState::kGaveUp);

  // The peer that comes late learns it at once, from this rank.
  gpu(1).set_deadline_ms(100'000);
  launch(1);
  EXPECT_EQ(gpu(1).report().written, 1U);
  EXPECT_EQ(gpu(1).report().phase, device::Phase::kAborted);
  EXPECT_EQ(gpu(1).report().peer, 0);
  EXPECT_EQ(read_back<std::uint32_t>(gpu(1).failed(), 1)[0], 1U);
}

}  // namespace
}  // namespace crossdock::gpu
