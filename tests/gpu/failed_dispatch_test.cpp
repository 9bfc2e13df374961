// Combine behind a dispatch that failed on the GPU: y is the biases, and the group goes on.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <tuple>

#include "harness/captured.hpp"
#include "harness/group_cases.hpp"

namespace crossdock::gpu {
namespace {

constexpr int kRanks = 3;
constexpr int kCapacity = 64;
constexpr int kGarbage = 0x41;  ///< as a position, a row far outside of every window

enum class Fails { kByCapacity, kByTerms };

/// What the next calls reserve holds garbage.
void poison_arena(Group& group) {
  auto* const stream = static_cast<cudaStream_t>(group.stream());
  std::vector<Group::Allocation> all;
  for (std::int64_t words = 1 << 24; words >= 1 << 10;) {
    try {
      all.push_back(group.allocate(DType::kFp32, {words}));
      const TensorView& view = all.back().view;
      kernels::check_cuda(cudaMemsetAsync(view.data, kGarbage, view.num_bytes(), stream), "cudaMemsetAsync");
    } catch (const Error&) {
      words /= 2;
    }
  }
  synchronize(group);
}

/// The same tokens with x in half of its bytes, cut to bf16.
RankTokens with_bf16(RankTokens tokens) {
  std::vector<std::uint16_t> cut;
  for (const float value : tokens.x)
    cut.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  if (!cut.empty()) std::memcpy(tokens.x.data(), cut.data(), cut.size() * sizeof(std::uint16_t));
  return tokens;
}

/// A dispatch that fails, and a combine of rows that are garbage.
struct FailingCalls {
  FailingCalls(const RankTokens& of_rank, DType dtype, const DispatchOptions& given, Fails fails, int rank)
      : tokens(dtype == DType::kBf16 ? with_bf16(of_rank) : of_rank),
        weights(kCapacity * kTopK * sizeof(float)),
        input(tokens.input()),
        options(given) {
    input.x.dtype = dtype;
    if (options.layout != Layout::kExpertPadded) options.max_recv_rows = kCapacity;
    if (fails == Fails::kByCapacity && rank == 2) options.max_recv_rows = 1;
    if (fails == Fails::kByTerms && rank == 1) input.topk_weights = {};
  }

  CombineInput combine_input(const DispatchResult& rows, bool weights_now) const {
    const ConstTensorView x = input.x;
    CombineInput combine{.x = rows.x, .bias0 = x, .bias1 = x};
    if (options.layout == Layout::kFlat) {
      combine.recv_topk_weights = dense_view(weights.as<const void>(), DType::kFp32, {rows.x.shape[0], kTopK});
    }
    if (weights_now) combine.topk_weights = tokens.input().topk_weights;
    return combine;
  }

  DeviceTokens tokens;
  DeviceBuffer weights;  ///< that arrived
  DispatchInput input;
  DispatchOptions options;
};

/// y of tokens that select no expert.
std::vector<std::byte> biases(const RankTokens& tokens, DType dtype) {
  RankTokens none = dtype == DType::kBf16 ? with_bf16(tokens) : tokens;
  std::ranges::fill(none.topk_idx, -1);
  DispatchInput input = none.input();
  input.x.dtype = dtype;
  const reference::Problem problem{.num_experts = kExperts, .latency_max_tokens = 16};
  const std::vector<DispatchInput> inputs{input};
  const std::vector<DispatchOptions> options(1);
  const auto rows = reference::dispatch(problem, inputs, options);
  const std::vector<CombineInput> combines{{.x = rows[0].x.view(), .bias0 = input.x, .bias1 = input.x}};
  return reference::combine(problem, inputs, options, combines, {})[0].y.bytes;
}

using Case = std::tuple<Layout, ReductionTree, DType>;

class FailedDispatch : public testing::TestWithParam<Case> {
 protected:
  static Layout layout() { return std::get<0>(GetParam()); }
  static ReductionTree tree() { return std::get<1>(GetParam()); }
  static DType dtype() { return std::get<2>(GetParam()); }

  static std::vector<Fails> ways_to_fail() {
    if (layout() == Layout::kExpertPadded) return {Fails::kByTerms};  // it has no capacity
    return {Fails::kByCapacity, Fails::kByTerms};
  }

  static void expect_biases(const DispatchResult& rows, const CombineResult& combined,
                            const std::vector<std::byte>& want) {
    EXPECT_EQ(read_back<std::int64_t>(rows.device_num_rows.data, 1)[0], 0);
    EXPECT_TRUE(bytes_of(combined.y) == want);
    const std::vector<std::byte> weights = bytes_of(combined.topk_weights);
    EXPECT_TRUE(std::ranges::all_of(weights, [](std::byte byte) { return byte == std::byte{0}; }));
  }

  /// The dispatch's failure alone, once.
  static void expect_told(const Group& group, Fails fails) {
    const auto error = group.status();
    ASSERT_TRUE(error);
    EXPECT_EQ(name_of(error->code()),
              name_of(fails == Fails::kByCapacity ? ErrorCode::kCapacityExceeded : ErrorCode::kOptionsMismatch));
    EXPECT_FALSE(group.status());
  }

  static GroupConfig config() {
    GroupConfig config = config_of(milliseconds(20'000));
    config.live_results = 4;
    return config;
  }
};

TEST_P(FailedDispatch, LeavesTheBiases) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(kRanks);
  const DispatchOptions options{.layout = layout(), .tree = tree()};
  const Expected expected = expect(tokens, options);
  for (const Fails fails : ways_to_fail()) {
    test::run_ranks(kRanks, [&](const World& world) {
      use_device_of(world);
      const RankTokens& of_rank = tokens[static_cast<std::size_t>(world.rank())];
      const DeviceTokens mine(of_rank);
      const FailingCalls calls(of_rank, dtype(), options, fails, world.rank());
      Group group(world, config());
      for (const bool weights_now : {false, true}) {
        if (weights_now && layout() == Layout::kFlat) continue;
        poison_arena(group);
        const DispatchResult rows = group.dispatch(calls.input, calls.options);
        synchronize(group);
        expect_told(group, fails);
        const CombineResult combined = group.combine(rows.handle, calls.combine_input(rows, weights_now));
        synchronize(group);
        expect_biases(rows, combined, biases(of_rank, dtype()));
        round_trip(group, mine, expected, options);
        EXPECT_FALSE(group.status());
      }
    });
  }
}

TEST_P(FailedDispatch, LeavesTheBiasesInAGraphToo) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(kRanks);
  const DispatchOptions options{.layout = layout(), .tree = tree()};
  const Expected expected = expect(tokens, options);
  for (const Fails fails : ways_to_fail()) {
    test::run_ranks(kRanks, [&](const World& world) {
      use_device_of(world);
      const RankTokens& of_rank = tokens[static_cast<std::size_t>(world.rank())];
      const DeviceTokens mine(of_rank);
      const FailingCalls calls(of_rank, dtype(), options, fails, world.rank());
      Group group(world, config());
      poison_arena(group);
      DispatchResult rows;
      CombineResult combined;
      const Captured graph(static_cast<cudaStream_t>(group.stream()), [&] {
        rows = group.dispatch(calls.input, calls.options);
        combined = group.combine(rows.handle, calls.combine_input(rows, false));
      });
      for (int round = 0; round < 3; ++round) {
        graph.replay();
        expect_biases(rows, combined, biases(of_rank, dtype()));
        expect_told(group, fails);
      }
      round_trip(group, mine, expected, options);
    });
  }
}

/// The handle of a cached dispatch is the same one, but its rows are not: ranks hear of who takes which.
TEST_P(FailedDispatch, IsNotMixedWithTheOneThatItRepeats) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(kRanks);
  const DispatchOptions options{.layout = layout(), .tree = tree()};
  const Expected expected = expect(tokens, options);
  test::run_ranks(kRanks, [&](const World& world) {
    use_device_of(world);
    const RankTokens& of_rank = tokens[static_cast<std::size_t>(world.rank())];
    const DeviceTokens mine(of_rank);
    const FailingCalls calls(of_rank, dtype(), options, Fails::kByTerms, world.rank());
    DispatchInput good = calls.input;
    good.topk_weights = calls.tokens.input().topk_weights;
    DispatchInput bad = calls.input;
    bad.topk_idx = {};
    Group group(world, config());
    const DispatchResult first = group.dispatch(good, calls.options);
    const DispatchResult again = group.dispatch(first.handle, bad);
    synchronize(group);
    expect_told(group, Fails::kByTerms);
    const DispatchResult& taken = world.rank() == 0 ? first : again;
    group.combine(taken.handle, calls.combine_input(taken, false));
    synchronize(group);
    EXPECT_ERROR(group.combine(taken.handle, calls.combine_input(taken, false)), ErrorCode::kOptionsMismatch,
                 "dispatch of the handle failed");
    round_trip(group, mine, expected, options);
    EXPECT_FALSE(group.status());
  });
}

std::string name_of_case(const testing::TestParamInfo<Case>& shape) {
  const auto& [layout, tree, dtype] = shape.param;
  return std::string(name_of(layout)) + "_" + std::string(name_of(tree)) + "_" + std::string(name_of(dtype));
}

const auto kTypes = testing::Values(DType::kFp32, DType::kBf16);

INSTANTIATE_TEST_SUITE_P(Flat, FailedDispatch,
                         testing::Combine(testing::Values(Layout::kFlat),
                                          testing::Values(ReductionTree::kPerRank, ReductionTree::kHierarchical),
                                          kTypes),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Experts, FailedDispatch,
                         testing::Combine(testing::Values(Layout::kExpertContiguous, Layout::kExpertPadded),
                                          testing::Values(ReductionTree::kPerRank), kTypes),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(OtherTrees, FailedDispatch,
                         testing::Combine(testing::Values(Layout::kExpertContiguous, Layout::kExpertPadded),
                                          testing::Values(ReductionTree::kPerSelection, ReductionTree::kHierarchical),
                                          testing::Values(DType::kFp32)),
                         name_of_case);

}  // namespace
}  // namespace crossdock::gpu
