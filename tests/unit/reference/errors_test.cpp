// What every rank would get instead of a result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "crossdock/error.hpp"
#include "small_case.hpp"

namespace crossdock::reference {
namespace {

using ::testing::HasSubstr;

Report expect_error(ErrorCode code, const std::string& message, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "accepted, instead of " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(message));
    return error.report();
  }
  return {};
}

TEST(Capacity, TheLowestRefusingRankIsNamed) {
  SmallCase small({.layout = Layout::kFlat});
  small.options[0].max_recv_rows = 3;
  small.options[1].max_recv_rows = 3;
  Report report = expect_error(ErrorCode::kCapacityExceeded, "rank 1", [&] { small.dispatch(); });
  EXPECT_EQ(report.peer, 1);
  EXPECT_EQ(report.expected, 4);
  EXPECT_EQ(report.observed, 3);
  small.options[0].max_recv_rows = 2;
  report = expect_error(ErrorCode::kCapacityExceeded, "rank 0", [&] { small.dispatch(); });
  EXPECT_EQ(report.peer, 0);
  EXPECT_EQ(report.expected, 3);
  EXPECT_EQ(report.observed, 2);
}

TEST(Capacity, CountsPaddingRows) {
  SmallCase small({.layout = Layout::kExpertContiguous, .expert_alignment = 4});
  small.options[0].max_recv_rows = 7;
  EXPECT_EQ(expect_error(ErrorCode::kCapacityExceeded, "rank 0", [&] { small.dispatch(); }).expected, 8);
  small.options[0].max_recv_rows = 8;
  EXPECT_NO_THROW(small.dispatch());
}

TEST(Capacity, ComesFromOutXToo) {
  SmallCase small({.layout = Layout::kFlat});
  small.options[1].out_x = small.store.rows(DType::kBf16, 8, {0, 0, 0});
  EXPECT_EQ(expect_error(ErrorCode::kCapacityExceeded, "rank 1", [&] { small.dispatch(); }).observed, 3);
}

TEST(Agreement, OptionsThatDiffer) {
  const auto expect_mismatch = [](const std::function<void(SmallCase&)>& damage) {
    SmallCase small({.layout = Layout::kFlat});
    damage(small);
    const Report report = expect_error(ErrorCode::kOptionsMismatch, "dispatch, rank 1", [&] { small.dispatch(); });
    EXPECT_EQ(report.rank, 1);
  };
  expect_mismatch([](SmallCase& s) { s.options[1].layout = Layout::kExpertContiguous; });
  expect_mismatch([](SmallCase& s) { s.options[1].tree = ReductionTree::kHierarchical; });
  expect_mismatch([](SmallCase& s) { s.options[1].scale_order = ScaleOrder::kColumnMajor; });
  expect_mismatch([](SmallCase& s) { s.options[1].expert_alignment = 2; });
  expect_mismatch([](SmallCase& s) { s.inputs[1].topk_weights = {}; });
  expect_mismatch([](SmallCase& s) { s.inputs[1].x = s.store.rows(DType::kFp16, 8, {20, 21}); });
  expect_mismatch([](SmallCase& s) { s.inputs[1].x = s.store.rows(DType::kBf16, 16, {20, 21}); });
  expect_mismatch(
      [](SmallCase& s) { s.inputs[1].topk_idx = s.store.integers<std::int64_t>({2, 3}, {1, 0, 3, 2, 2, -1}); });
}

TEST(Agreement, CombineInputsThatDiffer) {
  SmallCase small({.layout = Layout::kFlat});
  std::vector<CombineInput> inputs{{.x = small.store.rows(DType::kFp32, 4, {1, 2, 3})},
                                   {.x = small.store.rows(DType::kFp32, 8, {1, 2, 3, 4})}};
  expect_error(ErrorCode::kOptionsMismatch, "combine, rank 1", [&] { small.combine(inputs); });
}

TEST(Contract, IsCheckedOnEveryRank) {
  SmallCase small({.layout = Layout::kExpertPadded});
  small.problem.latency_max_tokens = 2;
  expect_error(ErrorCode::kInvalidArgument, "dispatch, rank 0: x: expected at most 2 tokens",
               [&] { small.dispatch(); });
  small.problem.latency_max_tokens = 0;
  expect_error(ErrorCode::kInvalidArgument, "no latency mode", [&] { small.dispatch(); });
  SmallCase wrong_expert({.layout = Layout::kFlat});
  wrong_expert.inputs[1].topk_idx = wrong_expert.store.integers<std::int32_t>({2, 3}, {1, 0, 4, 2, 2, -1});
  expect_error(ErrorCode::kInvalidArgument, "dispatch, rank 1: topk_idx[0, 2]", [&] { wrong_expert.dispatch(); });
}

TEST(Contract, CombineRowsAreCounted) {
  SmallCase small({.layout = Layout::kFlat});
  std::vector<CombineInput> inputs{{.x = small.store.rows(DType::kFp32, 4, {1, 2, 3})},
                                   {.x = small.store.rows(DType::kFp32, 4, {1, 2, 3})}};
  expect_error(ErrorCode::kInvalidArgument, "combine, rank 1: x: expected dense bf16, fp16 or fp32 [at least 4, H]",
               [&] { small.combine(inputs); });
  inputs.pop_back();
  expect_error(ErrorCode::kInvalidArgument, "combines: expected inputs of 2 ranks, got 1",
               [&] { small.combine(inputs); });
}

TEST(Contract, TheProblemItself) {
  SmallCase small({.layout = Layout::kFlat});
  small.problem.live = {1, 0};
  expect_error(ErrorCode::kInvalidArgument, "live: expected ascending ranks of [0, 2), got [1, 0]",
               [&] { small.dispatch(); });
  small.problem.live = {0, 2};
  expect_error(ErrorCode::kInvalidArgument, "live: expected ascending ranks", [&] { small.dispatch(); });
  small.problem = {.num_ranks = 2, .num_experts = 0};
  expect_error(ErrorCode::kInvalidArgument, "num_experts: expected at least 1", [&] { small.dispatch(); });
  small.problem = {.num_ranks = 2, .ranks_per_node = 3, .num_experts = 4};
  expect_error(ErrorCode::kInvalidArgument, "ranks_per_node", [&] { small.dispatch(); });
  small.problem = {.num_ranks = 3, .num_experts = 4};
  expect_error(ErrorCode::kInvalidArgument, "expected inputs and options of 3 ranks, got 2 and 2",
               [&] { small.dispatch(); });
}

TEST(Contract, ValuesThatCannotBe) {
  const auto expect_refused = [](const std::string& message, const std::function<void(SmallCase&)>& damage) {
    SmallCase small({.layout = Layout::kFlat});
    damage(small);
    expect_error(ErrorCode::kInvalidArgument, message, [&] { small.dispatch(); });
  };
  expect_refused("num_ranks: expected at least 1, got -1", [](SmallCase& small) { small.problem.num_ranks = -1; });
  expect_refused("latency_max_tokens: expected 0 to 16777216, got -1",
                 [](SmallCase& small) { small.problem.latency_max_tokens = -1; });
  expect_refused("latency_max_tokens: expected 0 to 16777216, got 2147483647",
                 [](SmallCase& small) { small.problem.latency_max_tokens = std::numeric_limits<int>::max(); });
  expect_refused("dispatch, rank 0: layout: expected flat, expert_contiguous or expert_padded, got value 9",
                 [](SmallCase& small) { small.options[0].layout = static_cast<Layout>(9); });
  expect_refused("dispatch, rank 1: x: expected 0 to 3 dimensions, got 4",
                 [](SmallCase& small) { small.inputs[1].x.num_dims = 4; });
  expect_refused("outputs: expected a tensor that fits memory, got bf16 [9223372036854775807, 8]",
                 [](SmallCase& small) { small.options[0].max_recv_rows = std::numeric_limits<std::int64_t>::max(); });
  expect_refused("dispatch, rank 0: out_x: expected memory apart from that of x", [](SmallCase& small) {
    small.options[0].out_x = dense_view(const_cast<void*>(small.inputs[0].x.data), DType::kBf16, {3, 8});
  });
}

TEST(Contract, CombineIntoItsOwnInput) {
  SmallCase small({.layout = Layout::kFlat});
  const std::vector<TensorView> rows{small.store.rows(DType::kFp32, 4, {1, 2, 3}),
                                     small.store.rows(DType::kFp32, 4, {1, 2, 3, 4})};
  const std::vector<CombineInput> inputs{{.x = rows[0]}, {.x = rows[1]}};
  expect_error(ErrorCode::kInvalidArgument, "combine, rank 0: out_y: expected memory apart from that of x",
               [&] { small.combine(inputs, {.out_y = rows[0]}); });
}

TEST(TensorOfTheReference, ViewsWhatItHolds) {
  Tensor tensor{.dtype = DType::kFp32, .shape = {2, 3}, .strides = {3, 1}, .bytes = std::vector<std::byte>(24)};
  EXPECT_EQ(tensor.view().num_bytes(), 24U);
  tensor.bytes.pop_back();
  expect_error(ErrorCode::kInvalidArgument, "reference::Tensor: bytes: expected those of fp32 [2, 3], got 23",
               [&] { (void)tensor.view(); });
  tensor.strides = {1};
  expect_error(ErrorCode::kInvalidArgument, "expected at most 3 sizes and as many strides, got 2 and 1",
               [&] { (void)tensor.view(); });
  tensor = {.dtype = DType::kFp32, .shape = {1, 1, 1, 1}, .strides = {1, 1, 1, 1}, .bytes = {}};
  expect_error(ErrorCode::kInvalidArgument, "expected at most 3 sizes and as many strides, got 4 and 4",
               [&] { (void)tensor.view(); });
}

}  // namespace
}  // namespace crossdock::reference
