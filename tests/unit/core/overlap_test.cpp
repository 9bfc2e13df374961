#include "core/contract/overlap.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace crossdock::core {
namespace {

ConstTensorView strided(const std::byte* data, DType dtype, std::vector<std::int64_t> shape,
                        std::vector<std::int64_t> strides) {
  ConstTensorView view{.data = data, .dtype = dtype, .num_dims = static_cast<int>(shape.size())};
  std::ranges::copy(shape, view.shape.begin());
  std::ranges::copy(strides, view.strides.begin());
  return view;
}

/// Addresses of all bytes of all elements, one by one.
std::set<const std::byte*> bytes_of(const ConstTensorView& view) {
  std::array<std::int64_t, 3> shape{1, 1, 1};
  std::copy_n(view.shape.begin(), view.num_dims, shape.begin());
  const auto element = static_cast<std::int64_t>(size_of(view.dtype));
  std::set<const std::byte*> bytes;
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      for (std::int64_t k = 0; k < shape[2]; ++k) {
        const std::int64_t at = i * view.strides[0] + j * view.strides[1] + k * view.strides[2];
        for (std::int64_t b = 0; b < element; ++b) {
          bytes.insert(static_cast<const std::byte*>(view.data) + at * element + b);
        }
      }
    }
  }
  return bytes;
}

class Overlap : public testing::Test {
 protected:
  std::vector<std::byte> memory_ = std::vector<std::byte>(4096);
  const std::byte* middle_ = memory_.data() + 2048;
};

TEST_F(Overlap, RowsBetweenRows) {
  const ConstTensorView left = strided(middle_, DType::kFp32, {4, 8}, {16, 1});
  EXPECT_TRUE(overlap(dense_view(middle_, DType::kFp32, {8}), left));
  EXPECT_FALSE(overlap(dense_view(middle_ + 32, DType::kFp32, {8}), left)) << "the gap behind the first row";
  EXPECT_TRUE(overlap(dense_view(middle_ + 32, DType::kFp32, {9}), left)) << "one element of the second row";
  EXPECT_TRUE(overlap(dense_view(middle_ + 3 * 64 + 28, DType::kFp32, {1}), left)) << "the last element";
  EXPECT_FALSE(overlap(dense_view(middle_ + 3 * 64 + 32, DType::kFp32, {1}), left)) << "behind the last element";
}

TEST_F(Overlap, ColumnMajorNegativeAndZeroStrides) {
  const ConstTensorView columns = strided(middle_, DType::kFp32, {5, 2}, {1, 8});
  EXPECT_FALSE(overlap(dense_view(middle_ + 20, DType::kFp32, {3}), columns));
  EXPECT_TRUE(overlap(dense_view(middle_ + 20, DType::kFp32, {4}), columns));
  const ConstTensorView backwards = strided(middle_, DType::kFp32, {4}, {-2});
  EXPECT_TRUE(overlap(dense_view(middle_ - 24, DType::kFp32, {1}), backwards));
  EXPECT_FALSE(overlap(dense_view(middle_ - 20, DType::kFp32, {1}), backwards));
  EXPECT_FALSE(overlap(dense_view(middle_ + 4, DType::kFp32, {100}), backwards));
  const ConstTensorView repeated = strided(middle_, DType::kFp32, {1000, 2}, {0, 1});
  EXPECT_TRUE(overlap(dense_view(middle_ + 4, DType::kFp32, {1}), repeated));
  EXPECT_FALSE(overlap(dense_view(middle_ + 8, DType::kFp32, {1}), repeated));
}

TEST_F(Overlap, NothingOverlapsNothing) {
  const ConstTensorView some = dense_view(middle_, DType::kFp32, {4});
  EXPECT_FALSE(overlap(some, {}));
  EXPECT_FALSE(overlap({}, some));
  EXPECT_FALSE(overlap(some, dense_view(middle_, DType::kFp32, {0, 4})));
  EXPECT_FALSE(overlap(dense_view(middle_, DType::kFp32, {0, 4}), some));
}

// A scale tensor may be large and thin; only the steps that reach the output are looked at.
TEST_F(Overlap, ManyRows) {
  const ConstTensorView thin = strided(middle_, DType::kFp32, {std::int64_t{1} << 40, 2}, {1 << 10, 1 << 8});
  EXPECT_TRUE(overlap(dense_view(middle_ + (std::int64_t{4} << 40), DType::kFp32, {4}), thin));
  EXPECT_FALSE(overlap(dense_view(middle_ + (std::int64_t{4} << 40) + 4, DType::kFp32, {4}), thin));
}

TEST_F(Overlap, AgreesWithBytesOneByOne) {
  std::mt19937 random(20261128);
  const auto draw = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  constexpr DType kTypes[]{DType::kFp8E4m3, DType::kBf16, DType::kFp32, DType::kInt64};
  int met = 0;
  for (int round = 0; round < 4000; ++round) {
    ConstTensorView other{.data = middle_, .dtype = kTypes[draw(0, 3)], .num_dims = draw(1, 3)};
    for (std::size_t d = 0; d < static_cast<std::size_t>(other.num_dims); ++d) {
      other.shape[d] = draw(1, 4);
      other.strides[d] = draw(-12, 12);
    }
    const ConstTensorView dense = dense_view(middle_ + draw(-200, 200), DType::kFp8E4m3, {draw(1, 6)});
    const auto bytes = bytes_of(other);
    const auto* first = static_cast<const std::byte*>(dense.data);
    const auto found = bytes.lower_bound(first);
    const bool expected = found != bytes.end() && *found < first + dense.num_elements();
    ASSERT_EQ(overlap(dense, other), expected) << "round " << round;
    const auto extent = extent_of(other);
    ASSERT_EQ(extent.data(), *bytes.begin());
    ASSERT_EQ(extent.data() + extent.size(), *bytes.rbegin() + 1);
    met += expected ? 1 : 0;
  }
  EXPECT_GT(met, 300) << "both answers came up";
  EXPECT_LT(met, 3700);
}

}  // namespace
}  // namespace crossdock::core
