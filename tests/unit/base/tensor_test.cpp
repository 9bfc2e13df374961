#include "crossdock/tensor.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <type_traits>

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

TEST(DenseViewDeathTest, FourDimensionsAreAnErrorOfTheCaller) {
  EXPECT_DEATH(dense_view(static_cast<void*>(nullptr), DType::kFp32, {1, 1, 1, 1}), "assertion failed");
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
