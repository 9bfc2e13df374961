// Combine of SmallCase in every layout, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_case.hpp"

namespace crossdock::reference {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr float kNever = 1e30F;  // in rows that combine must not read

CombineInput fp32_rows(SmallCase& small, const std::vector<float>& values) {
  return {.x = small.store.rows(DType::kFp32, 4, values)};
}

/// [2, 6, 4] from the used rows of the two experts.
CombineInput padded_rows(SmallCase& small, std::vector<float> first, std::vector<float> second) {
  first.resize(6, kNever);
  second.resize(6, kNever);
  first.insert(first.end(), second.begin(), second.end());
  const ConstTensorView x = small.store.rows(DType::kFp32, 4, first);
  return {.x = dense_view(x.data, DType::kFp32, {2, 6, 4})};
}

std::vector<CombineInput> contiguous_inputs(SmallCase& small) {
  return {fp32_rows(small, {1, 2, 3, kNever, 4, 5, kNever, kNever}),
          fp32_rows(small, {10, 20, 30, 40, 50, 60, kNever, kNever})};
}

std::vector<CombineInput> padded_inputs(SmallCase& small) {
  return {padded_rows(small, {1, 2}, {4, 5}), padded_rows(small, {10, 20, 30}, {50, 60})};
}

TEST(CombineFlat, AddsARowARankUnweighted) {
  SmallCase small({.layout = Layout::kFlat});
  const std::vector inputs{fp32_rows(small, {1, 2, 3, kNever}), fp32_rows(small, {10, 20, 30, 40})};
  const auto out = small.combine(inputs);
  EXPECT_EQ(out[0].y.dtype, DType::kFp32);
  EXPECT_THAT(out[0].y.shape, ElementsAre(3, 4));
  EXPECT_THAT(row_values(out[0].y), ElementsAre(11, 0, 22));
  EXPECT_THAT(row_values(out[1].y), ElementsAre(33, 40));
  EXPECT_THAT(out[0].topk_weights.shape, IsEmpty());
}

TEST(CombineFlat, WeightsComeBackFromTheRankThatHoldsThem) {
  SmallCase small({.layout = Layout::kFlat});
  const auto dispatched = small.dispatch();
  std::vector inputs{fp32_rows(small, {1, 2, 3}), fp32_rows(small, {10, 20, 30, 40})};
  for (std::size_t rank = 0; rank < 2; ++rank) inputs[rank].recv_topk_weights = dispatched[rank].topk_weights.view();
  const auto out = small.combine(inputs);
  EXPECT_THAT(out[0].topk_weights.shape, ElementsAre(3, 3));
  EXPECT_THAT(floats_of(out[0].topk_weights), ElementsAre(0.5F, 0.25F, 0.125F, 0, 0, 0, 2, 4, 8));
  EXPECT_THAT(floats_of(out[1].topk_weights), ElementsAre(0.5F, 1, 2, 3, 5, 0));
}

TEST(CombineFlat, TrafficCountsWireRows) {
  SmallCase small({.layout = Layout::kFlat});
  const std::vector inputs{CombineInput{.x = small.store.rows(DType::kFp32, 8, {1, 2, 3})},
                           CombineInput{.x = small.store.rows(DType::kFp32, 8, {10, 20, 30, 40})}};
  const auto out = small.combine(inputs, {.wire_dtype = DType::kBf16});
  EXPECT_EQ(out[0].traffic.logical_bytes, 4 * 16);
  EXPECT_EQ(out[0].traffic.peer_bytes, 2 * 16);
  EXPECT_EQ(out[1].traffic.logical_bytes, 3 * 16);
  EXPECT_EQ(out[1].traffic.peer_bytes, 1 * 16);
}

TEST(CombineFlat, MaskedRanksContributeZero) {
  SmallCase small({.layout = Layout::kFlat});
  small.problem.live = {0};
  const std::vector inputs{fp32_rows(small, {1, 2}), CombineInput{}};
  const auto out = small.combine(inputs);
  EXPECT_THAT(row_values(out[0].y), ElementsAre(1, 0, 2));
  EXPECT_THAT(out[1].y.shape, IsEmpty());
}

TEST(CombineContiguous, WeighsByDispatch) {
  SmallCase small({.layout = Layout::kExpertContiguous, .expert_alignment = 4});
  const auto out = small.combine(contiguous_inputs(small));
  EXPECT_THAT(row_values(out[0].y), ElementsAre(3.25F, 0, 276));
  EXPECT_THAT(row_values(out[1].y), ElementsAre(125.5F, 290));
}

TEST(CombineContiguous, WeightsOfCombineWin) {
  SmallCase small({.layout = Layout::kExpertContiguous, .expert_alignment = 4});
  std::vector<CombineInput> inputs = contiguous_inputs(small);
  inputs[0].topk_weights = small.store.floats(DType::kFp32, {3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 2});
  inputs[1].topk_weights = small.store.floats(DType::kFp32, {2, 3}, {1, 1, 1, 1, 1, 1});
  const auto out = small.combine(inputs);
  EXPECT_THAT(row_values(out[0].y), ElementsAre(13, 0, 94));
  EXPECT_THAT(row_values(out[1].y), ElementsAre(68, 70));
}

TEST(CombineContiguous, WithoutWeightsItIsAPlainSum) {
  SmallCase small({.layout = Layout::kExpertContiguous, .expert_alignment = 4});
  for (DispatchInput& input : small.inputs) input.topk_weights = {};
  const auto out = small.combine(contiguous_inputs(small));
  EXPECT_THAT(row_values(out[0].y), ElementsAre(13, 0, 74));
  EXPECT_THAT(row_values(out[1].y), ElementsAre(68, 70));
}

TEST(CombineContiguous, PerSelectionCountsARowASelection) {
  SmallCase small({.layout = Layout::kExpertContiguous, .tree = ReductionTree::kPerSelection, .expert_alignment = 4});
  const auto out = small.combine(contiguous_inputs(small));
  EXPECT_THAT(row_values(out[0].y), ElementsAre(3.25F, 0, 276));
  EXPECT_EQ(out[0].traffic.logical_bytes, 6 * 16);
  EXPECT_EQ(out[0].traffic.peer_bytes, 3 * 16);
  EXPECT_EQ(out[1].traffic.logical_bytes, 5 * 16);
  EXPECT_EQ(out[1].traffic.peer_bytes, 2 * 16);
}

TEST(CombinePadded, ASharedRowCountsOnceASelection) {
  SmallCase small({.layout = Layout::kExpertPadded});
  const auto out = small.combine(padded_inputs(small));
  EXPECT_THAT(row_values(out[0].y), ElementsAre(3.125F, 0, 276));
  EXPECT_THAT(row_values(out[1].y), ElementsAre(124.5F, 240));
}

TEST(CombinePadded, PerSelectionGivesTheSameWhereNothingIsRounded) {
  SmallCase small({.layout = Layout::kExpertPadded, .tree = ReductionTree::kPerSelection});
  const auto out = small.combine(padded_inputs(small));
  EXPECT_THAT(row_values(out[0].y), ElementsAre(3.125F, 0, 276));
  EXPECT_THAT(row_values(out[1].y), ElementsAre(124.5F, 240));
}

TEST(CombinePadded, MaskedRanksContributeZero) {
  SmallCase small({.layout = Layout::kExpertPadded});
  small.problem.live = {1};
  // Live: rank 1's token 0 on expert 3, token 1 twice on expert 2.
  const std::vector inputs{CombineInput{}, padded_rows(small, {30}, {60})};
  const auto out = small.combine(inputs);
  EXPECT_THAT(row_values(out[1].y), ElementsAre(120, 240));
}

}  // namespace
}  // namespace crossdock::reference
