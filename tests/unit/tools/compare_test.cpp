#include "check/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "check/tensors.hpp"

namespace crossdock::tools::check {
namespace {

using ::testing::HasSubstr;

reference::Tensor numbered(DType dtype, std::vector<std::int64_t> shape) {
  reference::Tensor tensor = make_dense(dtype, std::move(shape));
  for (std::size_t i = 0; i < tensor.bytes.size(); ++i) tensor.bytes[i] = static_cast<std::byte>(i % 100);
  return tensor;
}

std::string summary_of(const ConstTensorView& got, const reference::Tensor& expected) {
  Comparison comparison;
  comparison.tensor("x", got, expected);
  return comparison.summary();
}

TEST(Comparison, EqualIsEqual) {
  const reference::Tensor tensor = numbered(DType::kBf16, {3, 4});
  Comparison comparison;
  comparison.tensor("x", tensor.view(), tensor);
  comparison.number("rows", 3, 3);
  EXPECT_TRUE(comparison.equal());
  EXPECT_EQ(comparison.bytes(), 24U);
}

TEST(Comparison, FindsEveryChangedByte) {
  const reference::Tensor expected = numbered(DType::kBf16, {3, 4});
  for (std::size_t i = 0; i < 24; ++i) {
    reference::Tensor got = expected;
    got.bytes[i] ^= std::byte{1};
    EXPECT_NE(summary_of(got.view(), expected), "") << i;
  }
}

TEST(Comparison, NamesPlaceExpectedAndGot) {
  const reference::Tensor expected = numbered(DType::kBf16, {3, 4});
  reference::Tensor got = expected;
  got.bytes[2 * 6] = std::byte{0x77};
  EXPECT_EQ(summary_of(got.view(), expected), "x [1, 2]: expected 0x0d0c, got 0x0d77 (1 of 12 elements differ)");
}

TEST(Comparison, FindsWritesIntoGaps) {
  reference::Tensor expected = numbered(DType::kFp32, {4, 3});
  expected.shape = {3, 3};
  expected.strides = {1, 4};  // column-major: the fourth row is a gap
  reference::Tensor got = expected;
  got.bytes[4 * 3] ^= std::byte{1};
  EXPECT_THAT(summary_of(got.view(), expected), HasSubstr("x offset 3: expected"));
}

TEST(Comparison, FindsOtherForms) {
  const reference::Tensor expected = numbered(DType::kFp32, {2, 2});
  const reference::Tensor other_type = numbered(DType::kInt32, {2, 2});
  const reference::Tensor other_shape = numbered(DType::kFp32, {2, 3});
  reference::Tensor other_strides = expected;
  other_strides.strides = {1, 2};
  EXPECT_THAT(summary_of(other_type.view(), expected), HasSubstr("expected fp32 [2, 2], got int32 [2, 2]"));
  EXPECT_THAT(summary_of(other_shape.view(), expected), HasSubstr("got fp32 [2, 3]"));
  EXPECT_THAT(summary_of(other_strides.view(), expected), HasSubstr("expected strides (2, 1), got (1, 2)"));
  EXPECT_THAT(summary_of({}, expected), HasSubstr("got not given"));
  EXPECT_THAT(summary_of(expected.view(), {}), HasSubstr("expected not given"));
}

TEST(Comparison, NaNsAreEqualWhateverTheirPayload) {
  reference::Tensor expected = make_dense(DType::kBf16, {1, 8});
  reference::Tensor got = expected;
  auto* wanted = reinterpret_cast<std::uint16_t*>(expected.bytes.data());
  auto* have = reinterpret_cast<std::uint16_t*>(got.bytes.data());
  wanted[3] = 0x7FC0;
  have[3] = 0xFFC1;
  EXPECT_EQ(summary_of(got.view(), expected), "");
  have[3] = 0x7F80;
  EXPECT_THAT(summary_of(got.view(), expected), HasSubstr("x [0, 3]: expected 0x7fc0, got 0x7f80"));
}

TEST(Comparison, FindsTouchedPoison) {
  std::vector<std::byte> memory(64, reference::kPoison);
  Comparison comparison;
  comparison.poison("tail", memory.data(), memory.size());
  EXPECT_TRUE(comparison.equal());
  memory[63] = std::byte{0};
  comparison.poison("tail", memory.data(), memory.size());
  EXPECT_THAT(comparison.summary(), HasSubstr("tail: byte 63 past its end was written"));
}

}  // namespace
}  // namespace crossdock::tools::check
