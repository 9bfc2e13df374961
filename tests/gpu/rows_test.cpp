// Routing, dispatch and combine on GPUs against the reference, every byte.
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

#include "base/environment.hpp"
#include "core/numeric/convert.hpp"
#include "crossdock/reference.hpp"
#include "crossdock/world.hpp"
#include "harness/gpu_rank.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/dispatch/dispatch.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::gpu {
namespace {

int num_devices() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

/// One collective call, equal on all ranks but for the tokens.
struct Case {
  int num_ranks = 2;
  int num_experts = 16;
  int top_k = 4;
  int hidden = 256;  ///< of x in its type
  DType dtype = DType::kBf16;
  int scale_words = 0;
  bool idx_is_64 = true;
  bool weights = true;
  double none = 0.1;    ///< part of the selections that are -1
  bool skewed = false;  ///< nearly all go to the first expert's rank
  int num_sms = 8;
  std::vector<int> tokens = {};
};

int row_bytes(const Case& c) { return c.hidden * static_cast<int>(size_of(c.dtype)); }

/// What one rank puts in, in host memory.
struct HostRank {
  std::vector<std::uint8_t> x;
  std::vector<float> scales;
  std::vector<std::int64_t> idx;
  std::vector<std::int32_t> idx32;
  std::vector<float> weights;
  std::vector<std::uint16_t> rows;  ///< combine input
};

int draw_expert(const Case& c, std::mt19937& random) {
  if (std::uniform_real_distribution<>(0, 1)(random) < c.none) return -1;
  if (c.skewed && random() % 16 != 0) return static_cast<int>(random() % 2);
  return static_cast<int>(random() % static_cast<unsigned>(c.num_experts));
}

HostRank draw_rank(const Case& c, int tokens, std::mt19937& random) {
  HostRank rank;
  std::normal_distribution<float> normal;
  for (int i = 0; i < tokens * row_bytes(c); ++i) rank.x.push_back(static_cast<std::uint8_t>(random()));
  for (int i = 0; i < tokens * c.scale_words; ++i) rank.scales.push_back(normal(random));
  for (int i = 0; i < tokens * c.top_k; ++i) {
    rank.idx.push_back(draw_expert(c, random));
    rank.idx32.push_back(static_cast<std::int32_t>(rank.idx.back()));
    rank.weights.push_back(normal(random));
  }
  return rank;
}

DispatchInput input_of(const Case& c, const HostRank& rank, int tokens) {
  DispatchInput input{.x = dense_view(static_cast<const void*>(rank.x.data()), c.dtype, {tokens, c.hidden})};
  const void* idx = c.idx_is_64 ? static_cast<const void*>(rank.idx.data()) : rank.idx32.data();
  input.topk_idx = dense_view(idx, c.idx_is_64 ? DType::kInt64 : DType::kInt32, {tokens, c.top_k});
  if (c.scale_words > 0) {
    input.scales = dense_view(static_cast<const void*>(rank.scales.data()), DType::kFp32, {tokens, c.scale_words});
  }
  if (c.weights) {
    input.topk_weights = dense_view(static_cast<const void*>(rank.weights.data()), DType::kFp32, {tokens, c.top_k});
  }
  return input;
}

/// Ranks as threads, on as many GPUs as there are; they live through all cases of one number of ranks.
class Node {
 public:
  Node(int num_ranks, int num_experts, const RankLimits& limits) : ranks_(static_cast<std::size_t>(num_ranks)) {
    const std::vector<World> worlds = World::threads(num_ranks);
    RankLimits full = limits;
    full.num_ranks = num_ranks;
    full.num_experts = num_experts;
    each([&](std::size_t rank) {
      ranks_[rank] = std::make_unique<GpuRank>(*worlds[rank].bootstrap(), static_cast<int>(rank) % num_devices(), full);
    });
  }

  GpuRank& at(std::size_t rank) { return *ranks_[rank]; }
  std::size_t size() const { return ranks_.size(); }
  std::uint64_t next_tag() { return ++tag_; }

  template <typename Function>
  void each(const Function& function) {
    std::vector<std::thread> threads;
    for (std::size_t rank = 0; rank < ranks_.size(); ++rank) threads.emplace_back([&, rank] { function(rank); });
    for (std::thread& thread : threads) thread.join();
  }

 private:
  std::vector<std::unique_ptr<GpuRank>> ranks_;
  std::uint64_t tag_ = 0;
};

struct DeviceInput {
  DeviceBuffer x, scales, idx, weights;
  DispatchSource source;
};

DeviceInput upload(const Case& c, const HostRank& rank, int tokens) {
  DeviceInput input;
  input.x = DeviceBuffer::copy_of(rank.x);
  input.scales = DeviceBuffer::copy_of(rank.scales);
  input.idx = c.idx_is_64 ? DeviceBuffer::copy_of(rank.idx) : DeviceBuffer::copy_of(rank.idx32);
  input.weights = DeviceBuffer::copy_of(rank.weights);
  input.source = {.num_tokens = tokens,
                  .top_k = c.top_k,
                  .row_bytes = row_bytes(c),
                  .scale_words = c.scale_words,
                  .idx_is_64 = c.idx_is_64,
                  .x = input.x.as<std::byte>(),
                  .scales = input.scales.as<std::uint32_t>(),
                  .topk_idx = input.idx.as<void>(),
                  .topk_weights = c.weights ? input.weights.as<float>() : nullptr};
  return input;
}

void poison(std::byte* memory, std::size_t bytes) {
  kernels::check_cuda(cudaMemset(memory, static_cast<int>(reference::kPoison), bytes), "cudaMemset");
}

void expect_bytes(const reference::Tensor& expected, const void* device, const char* what, int rank) {
  const auto got = read_back<std::byte>(device, expected.bytes.size());
  std::size_t wrong = 0;
  std::size_t first = 0;
  for (std::size_t i = got.size(); i-- > 0;) {
    if (got[i] != expected.bytes[i]) first = i, ++wrong;
  }
  EXPECT_EQ(wrong, 0U) << what << " of rank " << rank << ", first at byte " << first << " of " << got.size();
}

void run_dispatch(Node& node, const std::vector<DeviceInput>& inputs, const std::vector<std::int64_t>& capacities,
                  const kernels::DispatchVariant& variant, int num_sms) {
  const std::uint64_t tag = node.next_tag();
  for (std::size_t rank = 0; rank < node.size(); ++rank) {
    GpuRank& gpu = node.at(rank);
    gpu.use_device();
    kernels::launch_routing(gpu.routing(inputs[rank].source, tag), gpu.stream());
    kernels::launch_dispatch(gpu.dispatch(inputs[rank].source, tag, capacities[rank]), num_sms, variant, gpu.stream());
  }
  for (std::size_t rank = 0; rank < node.size(); ++rank) {
    node.at(rank).use_device();
    kernels::check_cuda(cudaStreamSynchronize(node.at(rank).stream()), "dispatch");
  }
}

void run_combine(Node& node, const std::vector<DeviceInput>& inputs, const kernels::CombineVariant& variant,
                 int num_sms) {
  const std::uint64_t tag = node.next_tag();
  for (std::size_t rank = 0; rank < node.size(); ++rank) {
    GpuRank& gpu = node.at(rank);
    gpu.use_device();
    kernels::launch_combine(gpu.combine(inputs[rank].source, tag), num_sms, variant, gpu.stream());
  }
  for (std::size_t rank = 0; rank < node.size(); ++rank) {
    node.at(rank).use_device();
    kernels::check_cuda(cudaStreamSynchronize(node.at(rank).stream()), "combine");
  }
}

/// All of one case: inputs, reference, GPUs.
class Trial {
 public:
  Trial(Node& node, const Case& c, std::mt19937& random) : node_(node), case_(c) {
    problem_ = {.num_ranks = c.num_ranks, .num_experts = c.num_experts};
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
    std::vector<std::int64_t> capacities;
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      const GpuRank& gpu = node_.at(rank);
      gpu.use_device();
      poison(gpu.x_out(), dispatched_[rank].x.bytes.size());
      poison(gpu.scales_out(), dispatched_[rank].scales.bytes.size());
      poison(gpu.idx_out(), dispatched_[rank].topk_idx.bytes.size());
      poison(gpu.weights_out(), dispatched_[rank].topk_weights.bytes.size());
      kernels::check_cuda(cudaDeviceSynchronize(), "poison");
      capacities.push_back(*options_[rank].max_recv_rows);
    }
    run_dispatch(node_, devices_, capacities, variant, case_.num_sms);
    for (std::size_t rank = 0; rank < node_.size(); ++rank) compare_dispatch(rank);
  }

  void check_combine(const kernels::CombineVariant& variant, std::mt19937& random) {
    if (case_.dtype != DType::kBf16) return;
    std::vector<CombineInput> combines;
    std::normal_distribution<float> normal;
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      std::vector<std::uint16_t>& rows = hosts_[rank].rows;
      const auto count =
          static_cast<std::size_t>(*options_[rank].max_recv_rows) * static_cast<std::size_t>(case_.hidden);
      rows.clear();
      while (rows.size() < count) rows.push_back(core::bf16_from_float(normal(random)));
      node_.at(rank).use_device();
      if (count > 0)
        kernels::check_cuda(cudaMemcpy(node_.at(rank).combine_rows(), rows.data(), count * 2, cudaMemcpyHostToDevice),
                            "rows");
      poison(node_.at(rank).y(), static_cast<std::size_t>(case_.tokens[rank] * row_bytes(case_)));
      kernels::check_cuda(cudaDeviceSynchronize(), "rows");
      combines.push_back({.x = dense_view(static_cast<const void*>(rows.data()), DType::kBf16,
                                          {*options_[rank].max_recv_rows, case_.hidden})});
    }
    const auto expected = reference::combine(problem_, inputs_, options_, combines, {});
    run_combine(node_, devices_, variant, case_.num_sms);
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      node_.at(rank).use_device();
      expect_bytes(expected[rank].y, node_.at(rank).y(), "y", static_cast<int>(rank));
    }
  }

 private:
  void compare_dispatch(std::size_t rank) {
    const GpuRank& gpu = node_.at(rank);
    const reference::Dispatched& expected = dispatched_[rank];
    gpu.use_device();
    ASSERT_EQ(gpu.outcome().state, kernels::DispatchState::kDone);
    EXPECT_EQ(gpu.outcome().num_rows, expected.num_rows);
    const int number = static_cast<int>(rank);
    expect_bytes(expected.x, gpu.x_out(), "x", number);
    expect_bytes(expected.scales, gpu.scales_out(), "scales", number);
    expect_bytes(expected.topk_idx, gpu.idx_out(), "topk_idx", number);
    expect_bytes(expected.topk_weights, gpu.weights_out(), "topk_weights", number);
    expect_bytes(expected.tokens_per_expert, gpu.tokens_per_expert(), "tokens_per_expert", number);
  }

  Node& node_;
  Case case_;
  reference::Problem problem_;
  std::vector<HostRank> hosts_;
  std::vector<DeviceInput> devices_;
  std::vector<DispatchInput> inputs_;
  std::vector<DispatchOptions> options_;
  std::vector<reference::Dispatched> dispatched_;
};

template <typename T>
T pick(std::mt19937& random, std::initializer_list<T> values) {
  return values.begin()[random() % values.size()];
}

Case draw_case(int num_ranks, int num_experts, int max_tokens, std::mt19937& random) {
  Case c{.num_ranks = num_ranks, .num_experts = num_experts};
  c.top_k = pick(random, {1, 2, 4, 8});
  c.hidden = pick(random, {8, 64, 256, 1024, 1536, 2048, 4096, 7168});
  c.dtype = pick(random, {DType::kBf16, DType::kFp8E4m3});
  if (c.dtype == DType::kFp8E4m3) {
    c.hidden = (c.hidden + 15) / 16 * 16;
    c.scale_words = pick(random, {1, 3, 16, 56, 70});
  }
  c.idx_is_64 = random() % 2 == 0;
  c.weights = random() % 4 != 0;
  c.none = pick(random, {0.0, 0.1, 0.9, 1.0});
  c.skewed = random() % 3 == 0;
  c.num_sms = pick(random, {1, 2, 7, 16});
  for (int rank = 0; rank < num_ranks; ++rank) {
    const bool empty = random() % 5 == 0;
    c.tokens.push_back(empty ? 0 : static_cast<int>(random() % static_cast<unsigned>(max_tokens + 1)));
  }
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
  Node node(num_ranks, num_experts, {.max_tokens = kMaxTokens, .max_row_bytes = 14336, .max_scale_words = 70});
  std::mt19937 random(static_cast<unsigned>(20260000 + num_ranks));
  for (int i = 0; i < cases; ++i) {
    const Case c = draw_case(num_ranks, num_experts, kMaxTokens, random);
    SCOPED_TRACE(testing::Message() << "case " << i << ": hidden " << c.hidden << ", top_k " << c.top_k << ", fp8 "
                                    << (c.scale_words > 0) << ", sms " << c.num_sms);
    Trial trial(node, c, random);
    for (const auto& variant : kernels::dispatch_variants()) trial.check_dispatch(variant);
    for (const auto& variant : kernels::combine_variants()) trial.check_combine(variant, random);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, Rows, testing::Values(1, 2, 3, 4, 8));

TEST(RowsFaults, MoreRowsThanCapacityFailOnAllRanks) {
  if (num_devices() == 0) GTEST_SKIP() << "no GPU";
  Node node(2, 4, {.max_tokens = 64, .max_row_bytes = 512});
  std::mt19937 random(7);
  Case c{.num_experts = 4, .top_k = 2, .none = 0, .tokens = {64, 64}};
  std::vector<DeviceInput> inputs;
  for (std::size_t rank = 0; rank < 2; ++rank) {
    node.at(rank).use_device();
    inputs.push_back(upload(c, draw_rank(c, 64, random), 64));
    poison(node.at(rank).x_out(), 128 * 512);
  }
  run_dispatch(node, inputs, {128, 10}, kernels::dispatch_variants().front(), 4);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    const kernels::DispatchOutcome& outcome = node.at(rank).outcome();
    EXPECT_EQ(outcome.state, kernels::DispatchState::kCapacityExceeded);
    EXPECT_EQ(outcome.refusing_rank, 1);
    EXPECT_GT(outcome.rows_needed, 10);
    EXPECT_EQ(outcome.num_rows, 0);
    node.at(rank).use_device();
    for (const std::byte byte : read_back<std::byte>(node.at(rank).x_out(), 128 * 512))
      ASSERT_EQ(byte, reference::kPoison);
    const auto idx = read_back<std::int64_t>(node.at(rank).idx_out(), rank == 0 ? 128 * 2 : 10 * 2);
    for (const std::int64_t entry : idx) ASSERT_EQ(entry, -1);
  }
}

TEST(RowsFaults, ARankThatNeverCallsIsReportedAndTheContextLives) {
  if (num_devices() == 0) GTEST_SKIP() << "no GPU";
  Node node(2, 4, {.max_tokens = 64, .max_row_bytes = 512});
  std::mt19937 random(8);
  Case c{.num_experts = 4, .top_k = 2, .tokens = {64, 64}};
  GpuRank& gpu = node.at(0);
  gpu.use_device();
  gpu.set_deadline_ms(50);
  const DeviceInput input = upload(c, draw_rank(c, 64, random), 64);
  kernels::launch_routing(gpu.routing(input.source, 1), gpu.stream());
  kernels::launch_dispatch(gpu.dispatch(input.source, 1, 128), 4, kernels::dispatch_variants().front(), gpu.stream());
  ASSERT_EQ(cudaStreamSynchronize(gpu.stream()), cudaSuccess);
  EXPECT_EQ(gpu.outcome().state, kernels::DispatchState::kGaveUp);
  EXPECT_EQ(gpu.outcome().num_rows, 0);
  EXPECT_EQ(gpu.report().written, 1U);
  EXPECT_EQ(gpu.report().phase, device::Phase::kAnnounce);
  EXPECT_EQ(gpu.report().peer, 1);
  for (const std::int64_t entry : read_back<std::int64_t>(gpu.idx_out(), 128 * 2)) ASSERT_EQ(entry, -1);

  // The error is sticky: the next call fails without waiting.
  gpu.set_deadline_ms(100'000);
  kernels::launch_dispatch(gpu.dispatch(input.source, 2, 128), 4, kernels::dispatch_variants().front(), gpu.stream());
  ASSERT_EQ(cudaStreamSynchronize(gpu.stream()), cudaSuccess);
  EXPECT_EQ(gpu.outcome().state, kernels::DispatchState::kGaveUp);
}

}  // namespace
}  // namespace crossdock::gpu
