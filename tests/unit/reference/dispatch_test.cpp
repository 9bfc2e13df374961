// Dispatch of SmallCase in every layout, worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_case.hpp"

namespace crossdock::reference {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::int64_t kPoisonLong = kPoisonInt;

TEST(DispatchFlat, OneRowATokenAndRank) {
  const auto out = SmallCase({.layout = Layout::kFlat}).dispatch();
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_EQ(out[0].num_rows, 3);
  EXPECT_THAT(out[0].x.shape, ElementsAre(3, 8));
  EXPECT_EQ(out[0].x.dtype, DType::kBf16);
  EXPECT_THAT(row_values(out[0].x), ElementsAre(10, 12, 20));
  EXPECT_EQ(out[0].topk_idx.dtype, DType::kInt32);
  EXPECT_THAT(integers_of(out[0].topk_idx), ElementsAre(0, -1, 0, -1, 1, -1, 1, 0, -1));
  EXPECT_THAT(floats_of(out[0].topk_weights), ElementsAre(0.5F, 0, 0.125F, 0, 4, 0, 0.5F, 1, 0));
  EXPECT_THAT(integers_of(out[0].tokens_per_expert), ElementsAre(3, 2));

  EXPECT_EQ(out[1].num_rows, 4);
  EXPECT_THAT(row_values(out[1].x), ElementsAre(10, 12, 20, 21));
  EXPECT_THAT(integers_of(out[1].topk_idx), ElementsAre(-1, 0, -1, 1, -1, 0, -1, -1, 1, 0, 0, -1));
  EXPECT_THAT(floats_of(out[1].topk_weights), ElementsAre(0, 0.25F, 0, 2, 0, 8, 0, 0, 2, 3, 5, 0));
  EXPECT_THAT(integers_of(out[1].tokens_per_expert), ElementsAre(4, 2));
}

TEST(DispatchFlat, ReturnsOnlyWhatTheLayoutHas) {
  SmallCase small({.layout = Layout::kFlat});
  for (DispatchInput& input : small.inputs) input.topk_weights = {};
  const auto out = small.dispatch();
  for (const Tensor* absent : {&out[0].topk_weights, &out[0].scales, &out[0].expert_offsets, &out[0].row_expert,
                               &out[0].source, &out[0].source_count, &out[0].source_token}) {
    EXPECT_THAT(absent->shape, IsEmpty());
    EXPECT_FALSE(absent->view().given());
  }
}

TEST(DispatchFlat, TrafficCountsRowsOf16Bytes) {
  const auto out = SmallCase({.layout = Layout::kFlat}).dispatch();
  EXPECT_EQ(out[0].traffic.logical_bytes, 4 * 16);
  EXPECT_EQ(out[0].traffic.peer_bytes, 2 * 16);
  EXPECT_EQ(out[0].traffic.node_bytes, 0);
  EXPECT_EQ(out[1].traffic.logical_bytes, 3 * 16);
  EXPECT_EQ(out[1].traffic.peer_bytes, 1 * 16);
}

TEST(DispatchFlat, Int64IndicesComeBackAsInt64) {
  SmallCase small({.layout = Layout::kFlat});
  small.inputs[0].topk_idx = small.store.integers<std::int64_t>({3, 3}, {0, 2, 0, -1, -1, -1, 3, 1, 2});
  small.inputs[1].topk_idx = small.store.integers<std::int64_t>({2, 3}, {1, 0, 3, 2, 2, -1});
  const auto out = small.dispatch();
  EXPECT_EQ(out[0].topk_idx.dtype, DType::kInt64);
  EXPECT_THAT(integers_of(out[0].topk_idx), ElementsAre(0, -1, 0, -1, 1, -1, 1, 0, -1));
}

TEST(DispatchFlat, PastTheLastRowOnlyIdxIsWritten) {
  SmallCase small({.layout = Layout::kFlat});
  small.options[0].max_recv_rows = 5;
  const auto out = small.dispatch();
  EXPECT_EQ(out[0].num_rows, 3);
  EXPECT_THAT(out[0].x.shape, ElementsAre(5, 8));
  EXPECT_THAT(row_values(out[0].x), ElementsAre(10, 12, 20, kPoisonBf16, kPoisonBf16));
  EXPECT_THAT(integers_of(out[0].topk_idx), ElementsAre(0, -1, 0, -1, 1, -1, 1, 0, -1, -1, -1, -1, -1, -1, -1));
  const std::vector<float> weights = floats_of(out[0].topk_weights);
  EXPECT_THAT(std::span(weights).first(9), ElementsAre(0.5F, 0, 0.125F, 0, 4, 0, 0.5F, 1, 0));
  EXPECT_THAT(std::span(weights).subspan(9), ElementsAre(kPoisonFp32, kPoisonFp32, kPoisonFp32,  //
                                                         kPoisonFp32, kPoisonFp32, kPoisonFp32));
  EXPECT_THAT(out[1].x.shape, ElementsAre(4, 8));
}

TEST(DispatchFlat, OutXSizesTheResultWhereMaxRecvRowsIsNotGiven) {
  SmallCase small({.layout = Layout::kFlat});
  small.options[0].out_x = small.store.rows(DType::kBf16, 8, {0, 0, 0, 0});
  small.options[1].out_x = small.store.rows(DType::kBf16, 8, {0, 0, 0, 0, 0, 0});
  small.options[1].max_recv_rows = 5;
  const auto out = small.dispatch();
  EXPECT_THAT(row_values(out[0].x), ElementsAre(10, 12, 20, kPoisonBf16));
  EXPECT_THAT(out[1].x.shape, ElementsAre(5, 8));
}

TEST(DispatchFlat, MaskedRanksSendAndReceiveNothing) {
  SmallCase small({.layout = Layout::kFlat});
  small.problem.live = {1};
  small.inputs[0] = {};  // never looked at
  const auto out = small.dispatch();
  EXPECT_EQ(out[0].num_rows, 0);
  EXPECT_THAT(out[0].x.shape, IsEmpty());
  EXPECT_THAT(row_values(out[1].x), ElementsAre(20, 21));
  EXPECT_THAT(integers_of(out[1].topk_idx), ElementsAre(-1, -1, 1, 0, 0, -1));
  EXPECT_THAT(floats_of(out[1].topk_weights), ElementsAre(0, 0, 2, 3, 5, 0));
  EXPECT_EQ(out[1].traffic.logical_bytes, 2 * 16);
  EXPECT_EQ(out[1].traffic.peer_bytes, 0);
}

TEST(DispatchFlat, NodeBytesCountARowForEachOtherNode) {
  Store store;
  // Ranks 0 1 | 2 3 | 4 5, an expert each. Token 0 of rank 2: two ranks of node 0, its own, one of node 2.
  const Problem problem{.num_ranks = 6, .ranks_per_node = 2, .num_experts = 6};
  std::vector<DispatchInput> inputs(
      6, {.x = store.rows(DType::kBf16, 8, {}), .topk_idx = store.integers<std::int32_t>({0, 4}, {})});
  inputs[2] = {.x = store.rows(DType::kBf16, 8, {1, 2}),
               .topk_idx = store.integers<std::int32_t>({2, 4}, {0, 1, 2, 5, 2, 3, 3, -1})};
  const auto out = dispatch(problem, inputs, std::vector<DispatchOptions>(6));
  EXPECT_EQ(out[2].traffic.logical_bytes, 6 * 16);
  EXPECT_EQ(out[2].traffic.peer_bytes, 4 * 16);
  EXPECT_EQ(out[2].traffic.node_bytes, 2 * 16);
  EXPECT_EQ(out[0].traffic.logical_bytes, 0);
  EXPECT_THAT(row_values(out[3].x), ElementsAre(2));
}

TEST(DispatchContiguous, OneRowASelectionEachExpertAligned) {
  const auto out = SmallCase({.layout = Layout::kExpertContiguous, .expert_alignment = 4}).dispatch();
  EXPECT_EQ(out[0].num_rows, 8);
  EXPECT_THAT(row_values(out[0].x), ElementsAre(10, 10, 20, 0, 12, 20, 0, 0));
  EXPECT_EQ(out[0].expert_offsets.dtype, DType::kInt64);
  EXPECT_THAT(integers_of(out[0].expert_offsets), ElementsAre(0, 4, 8));
  EXPECT_THAT(integers_of(out[0].row_expert), ElementsAre(0, 0, 0, -1, 1, 1, -1, -1));
  EXPECT_THAT(floats_of(out[0].topk_weights), ElementsAre(0.5F, 0.125F, 1, 0, 4, 0.5F, 0, 0));
  EXPECT_THAT(out[0].source.shape, ElementsAre(8, 3));
  EXPECT_THAT(integers_of(out[0].source), ElementsAre(0, 0, 0, 0, 0, 2, 1, 0, 1, -1, -1, -1,  //
                                                      0, 2, 1, 1, 0, 0, -1, -1, -1, -1, -1, -1));
  EXPECT_THAT(integers_of(out[0].tokens_per_expert), ElementsAre(3, 2));

  EXPECT_THAT(row_values(out[1].x), ElementsAre(10, 12, 21, 21, 12, 20, 0, 0));
  EXPECT_THAT(integers_of(out[1].expert_offsets), ElementsAre(0, 4, 8));
  EXPECT_THAT(floats_of(out[1].topk_weights), ElementsAre(0.25F, 8, 3, 5, 2, 2, 0, 0));
  EXPECT_THAT(integers_of(out[1].source), ElementsAre(0, 0, 1, 0, 2, 2, 1, 1, 0, 1, 1, 1,  //
                                                      0, 2, 0, 1, 0, 2, -1, -1, -1, -1, -1, -1));
  EXPECT_EQ(out[0].traffic.logical_bytes, 4 * 16);  // rows cross once a (token, rank)
}

TEST(DispatchContiguous, WithoutAlignmentThereIsNoPadding) {
  const auto out = SmallCase({.layout = Layout::kExpertContiguous}).dispatch();
  EXPECT_THAT(row_values(out[0].x), ElementsAre(10, 10, 20, 12, 20));
  EXPECT_THAT(integers_of(out[0].expert_offsets), ElementsAre(0, 3, 5));
}

TEST(DispatchContiguous, PastTheLastRowOnlyRowExpertIsWritten) {
  SmallCase small({.layout = Layout::kExpertContiguous});
  small.options[0].max_recv_rows = 6;
  const auto out = small.dispatch();
  EXPECT_EQ(out[0].num_rows, 5);
  EXPECT_EQ(row_values(out[0].x)[5], kPoisonBf16);
  EXPECT_THAT(integers_of(out[0].row_expert), ElementsAre(0, 0, 0, 1, 1, -1));
  EXPECT_EQ(integers_of(out[0].source)[15], kPoisonLong);
  EXPECT_EQ(floats_of(out[0].topk_weights)[5], kPoisonFp32);
}

TEST(DispatchPadded, StaticShapePackedFromZero) {
  const auto out = SmallCase({.layout = Layout::kExpertPadded}).dispatch();
  const float p = kPoisonBf16;
  EXPECT_EQ(out[0].num_rows, 4);
  EXPECT_THAT(out[0].x.shape, ElementsAre(2, 6, 8));
  EXPECT_THAT(row_values(out[0].x), ElementsAre(10, 20, p, p, p, p, 12, 20, p, p, p, p));
  EXPECT_THAT(integers_of(out[0].tokens_per_expert), ElementsAre(2, 2));
  EXPECT_THAT(integers_of(out[0].source_count), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(integers_of(out[0].source_begin), ElementsAre(0, 1, 0, 1));
  const std::int64_t q = kPoisonLong;
  EXPECT_THAT(integers_of(out[0].source_token), ElementsAre(0, 0, q, q, q, q, 2, 0, q, q, q, q));
  const float w = kPoisonFp32;
  EXPECT_THAT(floats_of(out[0].topk_weights), ElementsAre(0.5F, 1, w, w, w, w, 4, 0.5F, w, w, w, w));

  EXPECT_EQ(out[1].num_rows, 5);
  EXPECT_THAT(row_values(out[1].x), ElementsAre(10, 12, 21, p, p, p, 12, 20, p, p, p, p));
  EXPECT_THAT(integers_of(out[1].tokens_per_expert), ElementsAre(3, 2));
  EXPECT_THAT(integers_of(out[1].source_count), ElementsAre(2, 1, 1, 1));
  EXPECT_THAT(integers_of(out[1].source_begin), ElementsAre(0, 2, 0, 1));
  EXPECT_THAT(integers_of(out[1].source_token), ElementsAre(0, 2, 1, q, q, q, 2, 0, q, q, q, q));
  EXPECT_THAT(floats_of(out[1].topk_weights), ElementsAre(0.25F, 8, 3, w, w, w, 2, 2, w, w, w, w));
}

TEST(DispatchPadded, MaskedSourceHasNoRows) {
  SmallCase small({.layout = Layout::kExpertPadded});
  small.problem.live = {0};
  const auto out = small.dispatch();
  EXPECT_THAT(integers_of(out[0].source_count), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(integers_of(out[0].source_begin), ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(out[0].x.shape, ElementsAre(2, 6, 8));
  EXPECT_THAT(out[1].x.shape, IsEmpty());
}

TEST(Dispatch, UnevenPlacementAndRanksWithoutExperts) {
  Store store;
  const Problem problem{.num_ranks = 3, .num_experts = 2, .latency_max_tokens = 1};
  for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded}) {
    const std::vector<DispatchInput> inputs(
        3, {.x = store.rows(DType::kBf16, 8, {5}), .topk_idx = store.integers<std::int32_t>({1, 1}, {1})});
    const auto out = dispatch(problem, inputs, std::vector<DispatchOptions>(3, {.layout = layout}));
    EXPECT_EQ(out[0].num_rows, 0);
    EXPECT_EQ(out[1].num_rows, 3);
    EXPECT_EQ(out[2].num_rows, 0);
    EXPECT_THAT(out[2].tokens_per_expert.shape, ElementsAre(0));
    EXPECT_THAT(row_values(out[1].x), Each(5));
  }
}

TEST(Dispatch, RowsOfXMayBeApart) {
  Store store;
  ConstTensorView x = store.rows(DType::kBf16, 8, {1, 2, 3});
  x.shape[0] = 2;
  x.strides[0] = 16;
  const std::vector<DispatchInput> inputs{{.x = x, .topk_idx = store.integers<std::int32_t>({2, 1}, {0, 0})}};
  const auto out = dispatch({.num_ranks = 1, .num_experts = 1}, inputs, std::vector<DispatchOptions>(1));
  EXPECT_THAT(row_values(out[0].x), ElementsAre(1, 3));
}

}  // namespace
}  // namespace crossdock::reference
