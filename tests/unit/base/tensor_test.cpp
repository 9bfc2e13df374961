#include "crossdock/tensor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>

#include "crossdock/error.hpp"

namespace crossdock {
namespace {

TEST(TensorView, DefaultIsNotGiven) {
  const ConstTensorView view;
  EXPECT_FALSE(view.given());
  EXPECT_EQ(view.num_elements(), 0);
  EXPECT_EQ(view.num_bytes(), 0U);
  EXPECT_EQ(describe(view), "not given");
}

// T may be 0: such a tensor is given, and has no bytes.
TEST(TensorView, NoRowsIsGiven) {
  const ConstTensorView view = dense_view(static_cast<const void*>(nullptr), DType::kBf16, {0, 7168});
  EXPECT_TRUE(view.given());
  EXPECT_EQ(view.num_elements(), 0);
  EXPECT_EQ(view.num_bytes(), 0U);
  EXPECT_TRUE(is_dense(view));
  EXPECT_EQ(describe(view), "bf16 [0, 7168]");
}

TEST(DenseView, StridesAreProductsOfTheInnerShape) {
  std::array<std::byte, 1> memory{};
  const TensorView view = dense_view(memory.data(), DType::kFp32, {2, 3, 5});
  EXPECT_EQ(view.data, memory.data());
  EXPECT_EQ(view.num_dims, 3);
  EXPECT_EQ(view.strides, (std::array<std::int64_t, 3>{15, 5, 1}));
  EXPECT_EQ(view.num_elements(), 30);
  EXPECT_EQ(view.num_bytes(), 120U);
  EXPECT_TRUE(is_dense(view));
}

TEST(DenseView, FewerDimensions) {
  const ConstTensorView one = dense_view(static_cast<const void*>(nullptr), DType::kInt64, {9});
  EXPECT_EQ(one.num_dims, 1);
  EXPECT_EQ(one.strides[0], 1);
  EXPECT_EQ(one.num_bytes(), 72U);
  EXPECT_EQ(describe(one), "int64 [9]");
}

void expect_refused(const std::string& message, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "accepted, instead of " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "InvalidArgument: " + message);
  }
}

TEST(DenseView, RefusesShapesThatCannotBe) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  void* nowhere = nullptr;
  expect_refused("dense_view: expected 1 to 3 sizes, got 4", [&] { dense_view(nowhere, DType::kFp32, {1, 1, 1, 1}); });
  expect_refused("dense_view: expected 1 to 3 sizes, got 0", [&] { dense_view(nowhere, DType::kFp32, {}); });
  expect_refused("dense_view: expected sizes that are not negative and fit memory, got fp32 [-1, 64]",
                 [&] { dense_view(nowhere, DType::kFp32, {-1, 64}); });
  expect_refused(
      "dense_view: expected sizes that are not negative and fit memory, got bf16 [1099511627776, 1099511627776]",
      [&] { dense_view(nowhere, DType::kBf16, {kHuge, kHuge}); });
  expect_refused("dense_view: expected a value of DType, got value 77",
                 [&] { dense_view(nowhere, static_cast<DType>(77), {1}); });
}

// A view is a plain struct: anybody may have written anything.
TEST(TensorView, WhatCannotBeIsRefusedOrShownAsItIs) {
  const auto view = [](int num_dims, DType dtype, std::int64_t size) {
    return ConstTensorView{.dtype = dtype, .num_dims = num_dims, .shape = {size, size, size}};
  };
  const ConstTensorView four = view(4, DType::kFp32, 1);
  const ConstTensorView minus = view(-1, DType::kFp32, 1);
  const ConstTensorView negative = view(2, DType::kFp32, -8);
  const ConstTensorView huge = view(3, DType::kInt64, std::int64_t{1} << 21);
  const ConstTensorView unknown = view(1, static_cast<DType>(6), 3);
  expect_refused("num_elements: expected 0 to 3 dimensions, got 4", [&] { (void)four.num_elements(); });
  expect_refused("num_bytes: expected 0 to 3 dimensions, got -1", [&] { (void)minus.num_bytes(); });
  expect_refused("num_bytes: expected sizes that are not negative and fit memory, got fp32 [-8, -8]",
                 [&] { (void)negative.num_bytes(); });
  expect_refused(
      "num_elements: expected sizes that are not negative and fit memory, got int64 [2097152, 2097152, 2097152]",
      [&] { (void)huge.num_elements(); });
  expect_refused("num_bytes: expected a value of DType, got value 6", [&] { (void)unknown.num_bytes(); });
  EXPECT_EQ(describe(four), "fp32 of 4 dimensions");
  EXPECT_EQ(describe(minus), "fp32 of -1 dimensions");
  EXPECT_EQ(describe(negative), "fp32 [-8, -8]");
  EXPECT_EQ(describe(unknown), "value 6 [3]");
  for (const auto& bad : {four, minus, negative, huge}) EXPECT_FALSE(is_dense(bad)) << describe(bad);
}

TEST(IsDense, ColumnMajorIsNot) {
  ConstTensorView view = dense_view(static_cast<const void*>(nullptr), DType::kFp32, {4, 3});
  view.strides = {1, 4, 0};
  EXPECT_FALSE(is_dense(view));
}

TEST(IsDense, RowsWithAGapAreNot) {
  ConstTensorView view = dense_view(static_cast<const void*>(nullptr), DType::kFp32, {4, 3});
  view.strides = {8, 1, 0};
  EXPECT_FALSE(is_dense(view));
}

// Frameworks leave any stride on a dimension of one.
TEST(IsDense, StrideOfADimensionOfOneDoesNotCount) {
  ConstTensorView view = dense_view(static_cast<const void*>(nullptr), DType::kFp32, {1, 3});
  view.strides = {77, 1, 0};
  EXPECT_TRUE(is_dense(view));
  view = dense_view(static_cast<const void*>(nullptr), DType::kFp32, {4, 1});
  view.strides = {1, 77, 0};
  EXPECT_TRUE(is_dense(view));
}

TEST(TensorView, MutableBecomesConstAndNotTheReverse) {
  std::array<float, 6> memory{};
  const TensorView view = dense_view(memory.data(), DType::kFp32, {2, 3});
  const ConstTensorView constant = view;
  EXPECT_EQ(constant.data, view.data);
  EXPECT_EQ(constant.shape, view.shape);
  EXPECT_EQ(constant.strides, view.strides);
  static_assert(!std::is_convertible_v<ConstTensorView, TensorView>);
}

}  // namespace
}  // namespace crossdock
