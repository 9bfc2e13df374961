// FP8 rows, given or made inside, and the two orders of their scales.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_case.hpp"

namespace crossdock::reference {
namespace {

using ::testing::ElementsAre;

/// One rank with one expert, which every token chooses.
std::vector<Dispatched> receive(Store& store, const ConstTensorView& x, const ConstTensorView& scales,
                                const DispatchOptions& options) {
  const std::int64_t num_tokens = x.shape[0];
  const auto topk_idx = std::vector<std::int32_t>(static_cast<std::size_t>(num_tokens), 0);
  const std::vector<DispatchInput> inputs{
      {.x = x, .scales = scales, .topk_idx = store.integers({num_tokens, 1}, topk_idx)}};
  return dispatch({.num_ranks = 1, .num_experts = 1, .latency_max_tokens = 3}, inputs, std::vector{options});
}

/// [T, 2] words with strides (1, T): the view is the transpose of what is stored.
ConstTensorView transposed_scales(Store& store, const std::vector<std::int32_t>& stored) {
  ConstTensorView view = store.integers({static_cast<std::int64_t>(stored.size()) / 2, 2}, stored);
  view.strides = {1, view.shape[0], 0};
  return view;
}

TEST(ReadyFp8, KeepsBytesScalesAndTheirType) {
  Store store;
  const ConstTensorView x = store.rows(DType::kFp8E4m3, 16, {1, -448, 0.5F});
  const auto out = receive(store, x, transposed_scales(store, {1, 2, 3, 11, 12, 13}), {});
  EXPECT_EQ(out[0].x.dtype, DType::kFp8E4m3);
  EXPECT_THAT(row_values(out[0].x), ElementsAre(1, -448, 0.5F));
  EXPECT_EQ(out[0].scales.dtype, DType::kInt32);
  EXPECT_THAT(out[0].scales.shape, ElementsAre(3, 2));
  EXPECT_THAT(out[0].scales.strides, ElementsAre(2, 1));
  EXPECT_THAT(integers_of(out[0].scales), ElementsAre(1, 11, 2, 12, 3, 13));
  EXPECT_EQ(out[0].traffic.logical_bytes, 3 * (16 + 8));
}

TEST(ReadyFp8, ColumnMajorRoundsRowsUpToFourAndLeavesTheGap) {
  Store store;
  const ConstTensorView x = store.rows(DType::kFp8E4m3, 16, {1, 2, 3});
  const auto out =
      receive(store, x, transposed_scales(store, {1, 2, 3, 11, 12, 13}), {.scale_order = ScaleOrder::kColumnMajor});
  EXPECT_THAT(out[0].scales.shape, ElementsAre(3, 2));
  EXPECT_THAT(out[0].scales.strides, ElementsAre(1, 4));
  EXPECT_THAT(integers_of(out[0].scales), ElementsAre(1, 2, 3, kPoisonInt, 11, 12, 13, kPoisonInt));
}

TEST(ReadyFp8, ColumnMajorCountsMaxRecvRows) {
  Store store;
  const ConstTensorView x = store.rows(DType::kFp8E4m3, 16, {1});
  const auto out = receive(store, x, transposed_scales(store, {7, 8}),
                           {.scale_order = ScaleOrder::kColumnMajor, .max_recv_rows = 5});
  EXPECT_THAT(out[0].scales.shape, ElementsAre(5, 2));
  EXPECT_THAT(out[0].scales.strides, ElementsAre(1, 8));
  const std::vector<std::int64_t> words = integers_of(out[0].scales);
  ASSERT_EQ(words.size(), 16U);
  EXPECT_EQ(words[0], 7);
  EXPECT_EQ(words[8], 8);
  EXPECT_EQ(words[1], kPoisonInt);
  EXPECT_EQ(words[9], kPoisonInt);
}

TEST(ReadyFp8, ColumnMajorIsByExpertInThePaddedLayout) {
  Store store;
  const std::vector<DispatchInput> inputs{{.x = store.rows(DType::kFp8E4m3, 16, {1, 2}),
                                           .scales = store.integers<std::int32_t>({2, 2}, {1, 11, 2, 12}),
                                           .topk_idx = store.integers<std::int32_t>({2, 1}, {1, 0})}};
  const std::vector<DispatchOptions> options{
      {.layout = Layout::kExpertPadded, .scale_order = ScaleOrder::kColumnMajor}};
  const auto out = dispatch({.num_ranks = 1, .num_experts = 2, .latency_max_tokens = 3}, inputs, options);
  const std::int64_t p = kPoisonInt;
  EXPECT_THAT(out[0].scales.shape, ElementsAre(2, 3, 2));
  EXPECT_THAT(out[0].scales.strides, ElementsAre(8, 1, 4));
  EXPECT_THAT(integers_of(out[0].scales), ElementsAre(2, p, p, p, 12, p, p, p, 1, p, p, p, 11, p, p, p));
}

TEST(ReadyFp8, PaddingRowsHaveZeroScales) {
  Store store;
  const ConstTensorView x = store.rows(DType::kFp8E4m3, 16, {1});
  const auto out =
      receive(store, x, transposed_scales(store, {7, 8}), {.layout = Layout::kExpertContiguous, .expert_alignment = 2});
  EXPECT_THAT(row_values(out[0].x), ElementsAre(1, 0));
  EXPECT_THAT(integers_of(out[0].scales), ElementsAre(7, 8, 0, 0));
}

TEST(MadeFp8, Fp32Scales) {
  Store store;
  const ConstTensorView x = store.rows(DType::kBf16, 256, {448, -896});
  const auto out = receive(store, x, {}, {.quantize = Quantize::kFp8});
  EXPECT_EQ(out[0].x.dtype, DType::kFp8E4m3);
  EXPECT_THAT(row_values(out[0].x), ElementsAre(448, -448));
  EXPECT_EQ(out[0].scales.dtype, DType::kFp32);
  EXPECT_THAT(out[0].scales.shape, ElementsAre(2, 2));
  EXPECT_THAT(floats_of(out[0].scales), ElementsAre(1, 1, 2, 2));
  EXPECT_EQ(out[0].traffic.logical_bytes, 2 * (256 + 8));
}

TEST(MadeFp8, PowersOfTwo) {
  Store store;
  const ConstTensorView x = store.rows(DType::kFp32, 128, {449, 3});
  const auto out = receive(store, x, {}, {.quantize = Quantize::kFp8PowerOfTwo});
  EXPECT_THAT(floats_of(out[0].scales), ElementsAre(2, 0x1p-7F));  // 3 / 448 is of (2^-8, 2^-7]
  EXPECT_THAT(row_values(out[0].x), ElementsAre(224, 384));
}

TEST(MadeFp8, Ue8m0PacksFourBlocksAWord) {
  Store store;
  const ConstTensorView x = store.rows(DType::kFp16, 640, {448});
  const auto out = receive(store, x, {}, {.quantize = Quantize::kFp8Ue8m0});
  EXPECT_EQ(out[0].scales.dtype, DType::kInt32);
  EXPECT_THAT(out[0].scales.shape, ElementsAre(1, 2));
  EXPECT_THAT(integers_of(out[0].scales), ElementsAre(0x7F7F7F7F, 0x7F));
}

}  // namespace
}  // namespace crossdock::reference
