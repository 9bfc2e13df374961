// The plain combine kernel against the reference: every type, tree and bias.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <utility>

#include "base/environment.hpp"
#include "core/numeric/convert.hpp"
#include "crossdock/reference.hpp"
#include "harness/compare.hpp"
#include "harness/host_rows.hpp"
#include "kernels/combine/combine.hpp"
#include "kernels/dispatch/dispatch.hpp"

namespace crossdock::gpu {
namespace {

constexpr int kMaxTokens = 40;
constexpr int kMaxHidden = 2048;

struct Numbers {
  DType dtype = DType::kFp32;
  std::vector<std::byte> bytes;
};

Numbers draw_numbers(DType dtype, std::int64_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  Numbers numbers{.dtype = dtype, .bytes = std::vector<std::byte>(values.size() * size_of(dtype))};
  core::store_row(numbers.bytes.data(), dtype, values.size(), values.data());
  return numbers;
}

ConstTensorView view_of(const Numbers& numbers, std::int64_t rows, std::int64_t hidden) {
  return dense_view(static_cast<const void*>(numbers.bytes.data()), numbers.dtype, {rows, hidden});
}

/// Tokens and routing of a Case, and how they are combined.
struct CombineCase {
  Case rows = {};
  int hidden = 8;
  bool per_selection = false;
  bool hierarchical = false;
  DType row_dtype = DType::kBf16;
  DType wire_dtype = DType::kBf16;
  DType out_dtype = DType::kBf16;
  std::array<bool, 2> biased = {};
};

CombineCase draw_case(int num_ranks, int num_experts, std::mt19937& random) {
  const auto dtype = [&] { return pick(random, {DType::kBf16, DType::kFp16, DType::kFp32}); };
  CombineCase c{.row_dtype = dtype(), .wire_dtype = dtype(), .out_dtype = dtype()};
  c.rows = {.num_ranks = num_ranks, .num_experts = num_experts, .top_k = pick(random, {1, 3, 8}), .hidden = 8};
  c.rows.weights = random() % 2 == 0;
  c.rows.none = pick(random, {0.0, 0.2, 0.9});
  c.rows.num_sms = std::min(pick(random, {1, 3, 16}), most_sms(num_ranks));
  const bool wide = c.row_dtype == DType::kFp32 && c.wire_dtype == DType::kFp32;
  c.hidden = wide ? pick(random, {4, 12, 1028, 2048}) : pick(random, {8, 24, 264, 1032, kMaxHidden});
  c.per_selection = random() % 3 == 0;
  c.hierarchical = !c.per_selection && random() % 3 == 0;
  c.biased = {random() % 2 == 0, random() % 3 == 0};
  draw_ranks(c.rows, kMaxTokens, random);
  return c;
}

class Trial {
 public:
  Trial(Node& node, const CombineCase& c, std::mt19937& random)
      : node_(node), case_(c), biases_(node.size()), device_biases_(node.size()) {
    node.set_live(c.rows.live);
    problem_ = {.num_ranks = c.rows.num_ranks, .num_experts = c.rows.num_experts, .live = c.rows.live};
    for (std::size_t rank = 0; rank < node.size(); ++rank) {
      hosts_.push_back(draw_rank(c.rows, c.rows.tokens[rank], random));
      node.at(rank).use_device();
      devices_.push_back(upload(c.rows, hosts_.back(), c.rows.tokens[rank]));
    }
    for (std::size_t rank = 0; rank < node.size(); ++rank) {
      inputs_.push_back(input_of(c.rows, hosts_[rank], c.rows.tokens[rank]));
      options_.push_back({.layout = c.per_selection ? Layout::kExpertContiguous : Layout::kFlat,
                          .tree = c.per_selection  ? ReductionTree::kPerSelection
                                  : c.hierarchical ? ReductionTree::kHierarchical
                                                   : ReductionTree::kPerRank});
    }
    dispatched_ = reference::dispatch(problem_, inputs_, options_);
    for (std::size_t rank = 0; rank < node.size(); ++rank) put_rows(rank, random);
  }

  void run() {
    route();
    node_.call(GpuRank::Call::kCombine, [&](std::size_t rank, const GpuRank& gpu) {
      kernels::launch_combine(arguments(rank, gpu), case_.rows.num_sms, kernels::combine_variants().front(),
                              gpu.stream());
    });
    const auto expected = reference::combine(problem_, inputs_, options_, combines_,
                                             {.wire_dtype = case_.wire_dtype, .out_dtype = case_.out_dtype});
    for (std::size_t rank = 0; rank < node_.size(); ++rank) {
      if (!node_.is_live(rank)) continue;
      node_.at(rank).use_device();
      EXPECT_EQ(node_.at(rank).combine_outcome().state, device::CallState::kDone);
      expect_bytes(expected[rank].y, node_.at(rank).y(), "y", static_cast<int>(rank));
      expect_bytes(expected[rank].topk_weights, node_.at(rank).collected_weights(), "weights", static_cast<int>(rank));
    }
  }

 private:
  bool collects() const { return case_.rows.weights && !case_.per_selection; }

  /// Slots, first rows, selections and weights that arrived come from a dispatch.
  void route() {
    node_.call(GpuRank::Call::kDispatch, [&](std::size_t rank, const GpuRank& gpu) {
      kernels::launch_routing(gpu.routing(devices_[rank].source), gpu.stream());
      kernels::launch_dispatch(gpu.dispatch(devices_[rank].source, kMaxTokens * case_.rows.num_ranks), 4,
                               kernels::dispatch_variants().front(), gpu.stream());
    });
  }

  void put_rows(std::size_t rank, std::mt19937& random) {
    const GpuRank& gpu = node_.at(rank);
    gpu.use_device();
    const std::int64_t count = dispatched_[rank].num_rows;
    rows_.push_back(draw_numbers(case_.row_dtype, count * case_.hidden, random));
    const auto& bytes = rows_.back().bytes;
    if (!bytes.empty()) {
      kernels::check_cuda(cudaMemcpy(gpu.combine_rows(), bytes.data(), bytes.size(), cudaMemcpyHostToDevice), "rows");
    }
    if (case_.per_selection && node_.is_live(rank)) put_positions(rank);
    combines_.push_back({.x = view_of(rows_.back(), count, case_.hidden)});
    if (collects() && node_.is_live(rank)) {
      combines_.back().recv_topk_weights = std::as_const(dispatched_[rank]).topk_weights.view();
    }
    for (std::size_t i = 0; i < 2; ++i) {
      if (case_.biased[i]) put_bias(rank, i, random);
    }
    poison(gpu.y(), static_cast<std::size_t>(case_.rows.tokens[rank] * case_.hidden) * size_of(case_.out_dtype));
    kernels::check_cuda(cudaDeviceSynchronize(), "rows");
  }

  /// Rows arrive by (source, token), each once.
  void put_positions(std::size_t rank) {
    const reference::Dispatched& result = dispatched_[rank];
    const auto* source = reinterpret_cast<const std::int32_t*>(result.source.bytes.data());
    std::map<std::pair<int, int>, std::size_t> arrived;
    for (std::int64_t row = 0; row < result.num_rows; ++row) arrived[{source[3 * row], source[3 * row + 1]}] = 0;
    std::size_t next = 0;
    for (auto& [token, place] : arrived) place = next++;
    const auto top_k = static_cast<std::size_t>(case_.rows.top_k);
    std::vector<std::int32_t> positions(next * top_k, -1);
    for (std::int64_t row = 0; row < result.num_rows; ++row) {
      const std::size_t place = arrived[{source[3 * row], source[3 * row + 1]}];
      positions[place * top_k + static_cast<std::size_t>(source[3 * row + 2])] = static_cast<std::int32_t>(row);
    }
    if (positions.empty()) return;
    kernels::check_cuda(
        cudaMemcpy(node_.at(rank).positions(), positions.data(), positions.size() * 4, cudaMemcpyHostToDevice),
        "positions");
  }

  void put_bias(std::size_t rank, std::size_t index, std::mt19937& random) {
    const int tokens = case_.rows.tokens[rank];
    Numbers& bias = biases_[rank][index];
    bias = draw_numbers(pick(random, {DType::kBf16, DType::kFp16, DType::kFp32}), tokens * case_.hidden, random);
    device_biases_[rank][index] = DeviceBuffer::copy_of(bias.bytes);
    (index == 0 ? combines_.back().bias0 : combines_.back().bias1) = view_of(bias, tokens, case_.hidden);
  }

  kernels::CombineArgs arguments(std::size_t rank, const GpuRank& gpu) const {
    kernels::CombineArgs args = gpu.combine(devices_[rank].source);
    args.hidden = case_.hidden;
    args.row_dtype = case_.row_dtype;
    args.wire_dtype = case_.wire_dtype;
    args.out_dtype = case_.out_dtype;
    args.per_selection = case_.per_selection;
    args.round_node_sum = case_.hierarchical;
    args.weights = devices_[rank].source.topk_weights;
    if (case_.biased[0]) args.bias0 = device_biases_[rank][0].as<std::byte>();
    if (case_.biased[1]) args.bias1 = device_biases_[rank][1].as<std::byte>();
    args.bias0_dtype = biases_[rank][0].dtype;
    args.bias1_dtype = biases_[rank][1].dtype;
    if (collects()) args.topk_weights = gpu.collected_weights();
    return args;
  }

  Node& node_;
  CombineCase case_;
  reference::Problem problem_;
  std::vector<HostRank> hosts_;
  std::vector<DeviceInput> devices_;
  std::vector<DispatchInput> inputs_;
  std::vector<DispatchOptions> options_;
  std::vector<reference::Dispatched> dispatched_;
  std::vector<CombineInput> combines_;
  std::vector<Numbers> rows_;
  std::vector<std::array<Numbers, 2>> biases_;
  std::vector<std::array<DeviceBuffer, 2>> device_biases_;
};

class CombineAny : public testing::TestWithParam<int> {};

TEST_P(CombineAny, RandomCasesEqualTheReference) {
  if (num_devices() == 0) GTEST_SKIP() << "no GPU";
  const auto cases = base::environment_integer("CROSSDOCK_GPU_CASES", 1, 1'000'000).value_or(24);
  const int num_ranks = GetParam();
  const int num_experts = 2 * num_ranks + 3;
  // Rows of a layout by expert: one a selection.
  Node node(num_ranks, num_experts, {.max_tokens = 8 * kMaxTokens, .max_row_bytes = 4 * kMaxHidden});
  std::mt19937 random(static_cast<unsigned>(20260100 + num_ranks));
  for (int i = 0; i < cases; ++i) {
    const CombineCase c = draw_case(num_ranks, num_experts, random);
    SCOPED_TRACE(testing::Message() << "case " << i << ": " << name_of(c.row_dtype) << " to " << name_of(c.wire_dtype)
                                    << " to " << name_of(c.out_dtype) << ", hidden " << c.hidden << ", top_k "
                                    << c.rows.top_k << ", per_selection " << c.per_selection << ", hierarchical "
                                    << c.hierarchical << ", sms " << c.rows.num_sms);
    Trial(node, c, random).run();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, CombineAny, testing::Values(1, 2, 3, 8));

}  // namespace
}  // namespace crossdock::gpu
