// Where combine rounds and in which order it adds: sums chosen so that any other place or order shows.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numeric>

#include "small_case.hpp"

namespace crossdock::reference {
namespace {

constexpr float kHalfStep = 0x1p-8F;  // 1 + kHalfStep is half way between bf16's 1 and 1.0078125: it rounds to 1
constexpr float kBig = 0x1p24F;       // kBig + 1 rounds to kBig in fp32

/// One token on rank 0 that selects every expert once; `rows[expert]` is what the expert returns.
class OneToken {
 public:
  Problem problem;
  DispatchOptions options{.layout = Layout::kExpertContiguous};
  CombineOptions how = {};
  std::vector<std::int32_t> topk_idx;
  std::vector<float> weights = {};
  DType dtype = DType::kFp32;
  std::vector<float> bias0 = {};  ///< bf16
  std::vector<float> bias1 = {};  ///< fp32

  OneToken(int num_ranks, int ranks_per_node, int num_experts)
      : problem{.num_ranks = num_ranks, .ranks_per_node = ranks_per_node, .num_experts = num_experts},
        topk_idx(static_cast<std::size_t>(num_experts)) {
    std::iota(topk_idx.begin(), topk_idx.end(), 0);
  }

  Combined run(const std::vector<float>& rows) {
    const auto top_k = static_cast<std::int64_t>(topk_idx.size());
    const std::size_t num_ranks = static_cast<std::size_t>(problem.num_ranks);
    std::vector<DispatchInput> inputs(
        num_ranks, {.x = store_.rows(DType::kBf16, 8, {}), .topk_idx = store_.integers<std::int32_t>({0, top_k}, {})});
    inputs[0] = {.x = store_.rows(DType::kBf16, 8, {1}), .topk_idx = store_.integers({1, top_k}, topk_idx)};
    if (!weights.empty()) {
      for (DispatchInput& input : inputs) input.topk_weights = store_.floats(DType::kFp32, {0, top_k}, {});
      inputs[0].topk_weights = store_.floats(DType::kFp32, {1, top_k}, weights);
    }
    std::vector<CombineInput> combines;
    const std::size_t per_rank = rows.size() / num_ranks;
    for (std::size_t rank = 0; rank < num_ranks; ++rank) {
      const auto first = rows.begin() + static_cast<std::ptrdiff_t>(rank * per_rank);
      combines.push_back(
          {.x = store_.rows(dtype, 8, std::vector<float>(first, first + static_cast<std::ptrdiff_t>(per_rank)))});
    }
    if (!bias0.empty()) combines[0].bias0 = store_.rows(DType::kBf16, 8, bias0);
    if (!bias1.empty()) combines[0].bias1 = store_.rows(DType::kFp32, 8, bias1);
    return combine(problem, inputs, std::vector<DispatchOptions>(num_ranks, options), combines, how)[0];
  }

  float value(const std::vector<float>& rows) { return row_values(run(rows).y)[0]; }

 private:
  Store store_;
};

TEST(PerRank, RoundsTheRanksRowToTheWireTypeTheOwnOneToo) {
  OneToken own(1, 0, 2);
  own.how.wire_dtype = DType::kBf16;
  EXPECT_EQ(own.value({1, kHalfStep}), 1.0F);
  OneToken other(2, 0, 4);
  other.how.wire_dtype = DType::kBf16;
  EXPECT_EQ(other.value({0, 0, 1, kHalfStep}), 1.0F);
}

TEST(PerRank, AddsRanksInFp32) {
  OneToken ranks(2, 0, 2);
  ranks.how.wire_dtype = DType::kBf16;
  EXPECT_EQ(ranks.value({1, kHalfStep}), 1.0F + kHalfStep);
}

TEST(PerRank, RoundsAfterTheWeight) {
  OneToken one(1, 0, 1);
  one.how.wire_dtype = DType::kBf16;
  one.weights = {3};
  EXPECT_EQ(one.value({1.00390625F}), 3.015625F);  // 3.01171875 in steps of 1/64
}

TEST(PerRank, TheWireTypeDefaultsToTheRowsType) {
  OneToken one(1, 0, 2);
  one.dtype = DType::kBf16;
  one.how.out_dtype = DType::kFp32;
  EXPECT_EQ(one.value({1, kHalfStep}), 1.0F);
  one.how.wire_dtype = DType::kFp32;
  EXPECT_EQ(one.value({1, kHalfStep}), 1.0F + kHalfStep);
}

TEST(PerRank, AddsInAscendingRankWhateverTheOrderOfK) {
  OneToken ranks(3, 0, 3);
  EXPECT_EQ(ranks.value({kBig, 1, -kBig}), 0.0F);
  ranks.topk_idx = {2, 1, 0};
  EXPECT_EQ(ranks.value({kBig, 1, -kBig}), 0.0F);
  EXPECT_EQ(ranks.value({kBig, -kBig, 1}), 1.0F);
}

TEST(PerRank, AddsARanksSelectionsInAscendingK) {
  OneToken one(1, 0, 3);
  EXPECT_EQ(one.value({kBig, 1, -kBig}), 0.0F);
  one.topk_idx = {2, 1, 0};
  EXPECT_EQ(one.value({kBig, 1, -kBig}), 1.0F);  // (-2^24 + 1) + 2^24
}

TEST(PerSelection, RoundsEachRowBeforeItsWeight) {
  OneToken one(1, 0, 1);
  one.options.tree = ReductionTree::kPerSelection;
  one.how.wire_dtype = DType::kBf16;
  one.weights = {3};
  EXPECT_EQ(one.value({1.00390625F}), 3.0F);
}

TEST(PerSelection, RoundsNoRanksSum) {
  OneToken one(1, 0, 2);
  one.options.tree = ReductionTree::kPerSelection;
  one.how.wire_dtype = DType::kBf16;
  EXPECT_EQ(one.value({1, kHalfStep}), 1.0F + kHalfStep);
}

TEST(PerSelection, AddsInAscendingRankThenK) {
  OneToken ranks(2, 0, 4);  // experts 0 1 | 2 3
  ranks.options.tree = ReductionTree::kPerSelection;
  ranks.topk_idx = {2, 1, 3, 0};  // rank 0: k 1, 3 = experts 1, 0; rank 1: k 0, 2 = experts 2, 3
  EXPECT_EQ(ranks.value({-kBig, kBig, 1, 0}), 1.0F);
  EXPECT_EQ(ranks.value({1, kBig, -kBig, 0}), 0.0F);
  EXPECT_EQ(ranks.value({kBig, 1, 0, -kBig}), 0.0F);
}

TEST(Hierarchical, RoundsNodeSums) {
  OneToken nodes(4, 2, 4);
  nodes.how.wire_dtype = DType::kBf16;
  EXPECT_EQ(nodes.value({1, kHalfStep, 1, kHalfStep}), 2.0F + 2 * kHalfStep);  // per_rank
  nodes.options.tree = ReductionTree::kHierarchical;
  EXPECT_EQ(nodes.value({1, kHalfStep, 0, 0}), 1.0F);  // the own node's
  EXPECT_EQ(nodes.value({0, 0, 1, kHalfStep}), 1.0F);
  EXPECT_EQ(nodes.value({1, 0, kHalfStep, 0}), 1.0F + kHalfStep);  // nodes add in fp32
}

TEST(Hierarchical, RoundsRankRowsBeforeTheNodeSum) {
  OneToken nodes(2, 2, 4);
  nodes.options.tree = ReductionTree::kHierarchical;
  nodes.how.wire_dtype = DType::kBf16;
  // The rank's 1 + 5/1024 rounds to 1 + 1/128. Unrounded, the node's sum would be 253.25/256, which rounds to 253/256.
  EXPECT_EQ(nodes.value({1, 5 * 0x1p-10F, -0x1p-6F, 0}), 254.0F / 256.0F);
}

TEST(Hierarchical, OneNodeIsOneRoundedSum) {
  OneToken node(2, 2, 2);
  node.options.tree = ReductionTree::kHierarchical;
  node.how.wire_dtype = DType::kBf16;
  EXPECT_EQ(node.value({1, kHalfStep}), 1.0F);
}

TEST(Hierarchical, TrafficCountsNodes) {
  OneToken nodes(4, 2, 4);
  nodes.options.tree = ReductionTree::kHierarchical;
  const Traffic traffic = nodes.run({1, 2, 3, 4}).traffic;
  EXPECT_EQ(traffic.logical_bytes, 4 * 32);
  EXPECT_EQ(traffic.peer_bytes, 3 * 32);
  EXPECT_EQ(traffic.node_bytes, 1 * 32);
}

TEST(Arithmetic, MultiplyAndAddAreRoundedApart) {
  OneToken one(1, 0, 2);
  const float near_one = 1 + 0x1p-12F;  // its square is 1 + 2^-11 + 2^-24, which rounds to 1 + 2^-11
  one.weights = {1, near_one};
  EXPECT_EQ(one.value({-(1 + 0x1p-11F), near_one}), 0.0F);
}

TEST(Arithmetic, BiasesAreAddedOneAfterTheOther) {
  OneToken one(1, 0, 1);
  one.bias0 = {1};
  one.bias1 = {-kBig};
  EXPECT_EQ(one.value({kBig}), 0.0F);
  one.bias0 = {-kBig};
  one.bias1 = {1};
  EXPECT_EQ(one.value({kBig}), 1.0F);
}

TEST(Arithmetic, BiasesAreAddedAfterTheWireRounding) {
  OneToken one(1, 0, 1);
  one.how.wire_dtype = DType::kBf16;
  one.bias0 = {kHalfStep};
  EXPECT_EQ(one.value({1}), 1.0F + kHalfStep);
}

TEST(Arithmetic, OutTypeRoundsOnceToNearestEven) {
  OneToken one(1, 0, 2);
  one.how.out_dtype = DType::kFp16;
  EXPECT_EQ(one.run({2048, 1}).y.dtype, DType::kFp16);
  EXPECT_EQ(one.value({2048, 1}), 2048.0F);
  EXPECT_EQ(one.value({2050, 1}), 2052.0F);
  one.how.out_dtype = DType::kBf16;
  EXPECT_EQ(one.value({1, kHalfStep}), 1.0F);
}

TEST(Arithmetic, SumsStartFromPositiveZero) {
  OneToken one(1, 0, 1);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(one.value({-0.0F})), 0U);
  one.bias0 = {-0.0F};
  EXPECT_EQ(std::bit_cast<std::uint32_t>(one.value({-0.0F})), 0U);
}

TEST(Arithmetic, SubnormalsAndSpecialValuesPass) {
  OneToken one(1, 0, 2);
  EXPECT_EQ(one.value({0x1p-149F, 0x1p-149F}), 0x1p-148F);
  EXPECT_EQ(one.value({INFINITY, 1}), INFINITY);
  EXPECT_TRUE(std::isnan(one.value({INFINITY, -INFINITY})));
}

}  // namespace
}  // namespace crossdock::reference
