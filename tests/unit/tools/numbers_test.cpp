#include "numbers.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace crossdock::tools {
namespace {

TEST(Numbers, Fp16ComesBackFromAllItsValues) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = float_from_fp16(static_cast<std::uint16_t>(bits));
    if (!std::isnan(value)) {
      EXPECT_EQ(fp16_from_float(value), bits);
    }
  }
}

TEST(Numbers, Fp16RoundsToNearestEven) {
  EXPECT_EQ(fp16_from_float(1.0F + 0x1p-11F), 0x3C00);      // half way: to even, below
  EXPECT_EQ(fp16_from_float(1.0F + 3 * 0x1p-11F), 0x3C02);  // half way: to even, above
  EXPECT_EQ(fp16_from_float(1.0F + 0x1.01p-11F), 0x3C01);   // past half way
  EXPECT_EQ(fp16_from_float(65519.0F), 0x7BFF);             // largest finite
  EXPECT_EQ(fp16_from_float(65520.0F), 0x7C00);             // infinity
  EXPECT_EQ(fp16_from_float(0x1p-25F), 0x0000);             // half of the smallest: to even
  EXPECT_EQ(fp16_from_float(-0x1.8p-25F), 0x8001);
  EXPECT_EQ(fp16_from_float(2047.0F / 1024.0F + 0x1p-11F), 0x4000);  // carries into the exponent
}

TEST(Numbers, Bf16RoundsToNearestEven) {
  EXPECT_EQ(bf16_from_float(1.0F + 0x1p-8F), 0x3F80);
  EXPECT_EQ(bf16_from_float(1.0F + 3 * 0x1p-8F), 0x3F82);
  EXPECT_EQ(bf16_from_float(-1.0F - 0x1.01p-8F), 0xBF81);
  EXPECT_EQ(float_from_bf16(0x4049), 3.140625F);
}

TEST(Numbers, E4m3HasItsValues) {
  const float* table = e4m3_table();
  EXPECT_EQ(table[0x38], 1.0F);
  EXPECT_EQ(table[0x7E], 448.0F);
  EXPECT_EQ(table[0x01], 0x1p-9F);
  EXPECT_EQ(table[0x08], 0x1p-6F);
  EXPECT_EQ(table[0xFE], -448.0F);
  EXPECT_TRUE(std::isnan(table[0x7F]));
  EXPECT_TRUE(std::signbit(table[0x80]));
}

TEST(Numbers, KnowsNaNs) {
  const float values[] = {1.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()};
  EXPECT_FALSE(is_nan(DType::kFp32, values, 0));
  EXPECT_TRUE(is_nan(DType::kFp32, values, 1));
  EXPECT_FALSE(is_nan(DType::kFp32, values, 2));
  const std::uint16_t halves[] = {0x7C00, 0x7C01};
  EXPECT_FALSE(is_nan(DType::kFp16, halves, 0));
  EXPECT_TRUE(is_nan(DType::kFp16, halves, 1));
  EXPECT_FALSE(is_nan(DType::kInt32, values, 1));
}

}  // namespace
}  // namespace crossdock::tools
