// Conversions against definitions written apart from them: values by std::ldexp, rounding by a search for the nearest.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/numeric/convert.hpp"
#include "core/numeric/fp8.hpp"

namespace crossdock::core {
namespace {

/// A format of 1 sign, `exponent` and `mantissa` bits, by definition.
struct Format {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  bool has_infinity = true;

  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  std::uint32_t sign_bit() const { return 1U << (exponent_bits + mantissa_bits); }

  bool is_nan(std::uint32_t bits) const {
    const std::uint32_t magnitude = bits & (sign_bit() - 1U);
    if (!has_infinity) return magnitude == sign_bit() - 1U;
    return magnitude > infinity();
  }
  std::uint32_t infinity() const { return ((1U << exponent_bits) - 1U) << mantissa_bits; }

  double value(std::uint32_t bits) const {
    const double sign = (bits & sign_bit()) != 0 ? -1.0 : 1.0;
    const auto mantissa = static_cast<int>(bits & ((1U << mantissa_bits) - 1U));
    const auto exponent = static_cast<int>((bits & (sign_bit() - 1U)) >> mantissa_bits);
    if (is_nan(bits)) return std::nan("");
    if (has_infinity && (bits & (sign_bit() - 1U)) == infinity()) return sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias() - mantissa_bits);
    return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias() - mantissa_bits);
  }
};

constexpr Format kBf16Format{8, 7, true};
constexpr Format kFp16Format{5, 10, true};
constexpr Format kE4m3Format{4, 3, false};

bool same_float(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

/// Nearest even among the finite e4m3 values, by looking at all of them; beyond them the largest.
std::uint8_t nearest_e4m3(float value) {
  const std::uint8_t sign = std::signbit(value) ? 0x80 : 0;
  if (std::isnan(value)) return sign | 0x7F;
  const double magnitude = std::abs(static_cast<double>(value));
  std::uint8_t best = 0;
  double best_distance = INFINITY;
  for (std::uint8_t bits = 0; bits <= 0x7E; ++bits) {
    const double distance = std::abs(kE4m3Format.value(bits) - std::min(magnitude, 448.0));
    if (distance < best_distance || (distance == best_distance && bits % 2 == 0)) {
      best = bits;
      best_distance = distance;
    }
  }
  return sign | best;
}

/// Every fp32 that decides a rounding of a 16-bit format: each value, each midpoint, and their neighbours.
template <typename Check>
void for_each_decisive(const Format& format, Check check) {
  for (std::uint32_t bits = 0; bits < format.infinity(); ++bits) {
    const double low = format.value(bits);
    // The first value that is out of range would have been the next power of two: overflow rounds against it.
    const double high = bits + 1 == format.infinity() ? 2 * low - format.value(bits - 1) : format.value(bits + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    check(static_cast<float>(low), bits);
    check(std::nextafter(middle, 0.0F), bits);
    check(middle, bits % 2 == 0 ? bits : bits + 1);
    check(std::nextafter(middle, INFINITY), bits + 1);
  }
}

TEST(Bf16, WidensAllPatterns) {
  for (std::uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    ASSERT_TRUE(
        same_float(float_from_bf16(static_cast<std::uint16_t>(bits)), static_cast<float>(kBf16Format.value(bits))))
        << bits;
  }
}

TEST(Bf16, RoundsToNearestEvenAtEveryMidpoint) {
  for_each_decisive(kBf16Format, [](float value, std::uint32_t expected) {
    ASSERT_EQ(bf16_from_float(value), expected) << value;
    ASSERT_EQ(bf16_from_float(-value), expected | 0x8000U) << -value;
  });
}

TEST(Bf16, KeepsNanQuietWithItsSign) {
  EXPECT_EQ(bf16_from_float(std::bit_cast<float>(0x7F80'0001U)), 0x7FC0);  // truncating would give infinity
  EXPECT_EQ(bf16_from_float(std::bit_cast<float>(0xFF80'0001U)), 0xFFC0);
  EXPECT_EQ(bf16_from_float(std::bit_cast<float>(0x7FFF'FFFFU)), 0x7FFF);  // rounding up would give -0
  EXPECT_EQ(bf16_from_float(std::bit_cast<float>(0xFFFF'FFFFU)), 0xFFFF);
  EXPECT_EQ(bf16_from_float(INFINITY), 0x7F80);
  EXPECT_EQ(bf16_from_float(std::numeric_limits<float>::max()), 0x7F80);
}

TEST(Fp16, WidensAllPatterns) {
  for (std::uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    ASSERT_TRUE(
        same_float(float_from_fp16(static_cast<std::uint16_t>(bits)), static_cast<float>(kFp16Format.value(bits))))
        << bits;
  }
}

TEST(Fp16, RoundsToNearestEvenAtEveryMidpoint) {
  for_each_decisive(kFp16Format, [](float value, std::uint32_t expected) {
    ASSERT_EQ(fp16_from_float(value), expected) << value;
    ASSERT_EQ(fp16_from_float(-value), expected | 0x8000U) << -value;
  });
}

TEST(Fp16, KnownValues) {
  EXPECT_EQ(fp16_from_float(65519.996F), 0x7BFF);
  EXPECT_EQ(fp16_from_float(65520.0F), 0x7C00);
  EXPECT_EQ(fp16_from_float(1e30F), 0x7C00);
  EXPECT_EQ(fp16_from_float(0x1p-25F), 0x0000);
  EXPECT_EQ(fp16_from_float(0x1.000002p-25F), 0x0001);
  EXPECT_EQ(fp16_from_float(std::numeric_limits<float>::denorm_min()), 0x0000);
  EXPECT_EQ(fp16_from_float(-0.0F), 0x8000);
  EXPECT_EQ(fp16_from_float(std::nanf("")) & 0x7E00, 0x7E00);
}

TEST(E4m3, WidensAllPatterns) {
  for (std::uint32_t bits = 0; bits < 0x100; ++bits) {
    ASSERT_TRUE(
        same_float(float_from_e4m3(static_cast<std::uint8_t>(bits)), static_cast<float>(kE4m3Format.value(bits))))
        << bits;
  }
}

TEST(E4m3, MatchesTheNearestOfAllValuesForAllBf16) {
  for (std::uint32_t bits = 0; bits < 0x1'0000; ++bits) {
    const float value = float_from_bf16(static_cast<std::uint16_t>(bits));
    ASSERT_EQ(e4m3_from_float(value), nearest_e4m3(value)) << value;
  }
}

TEST(E4m3, MatchesTheNearestAroundMidpoints) {
  for (std::uint32_t bits = 0; bits < 0x7E; ++bits) {
    const auto middle = static_cast<float>((kE4m3Format.value(bits) + kE4m3Format.value(bits + 1)) / 2);
    for (const float value : {middle, std::nextafter(middle, 0.0F), std::nextafter(middle, 1e9F)}) {
      ASSERT_EQ(e4m3_from_float(value), nearest_e4m3(value)) << value;
      ASSERT_EQ(e4m3_from_float(-value), nearest_e4m3(-value)) << -value;
    }
  }
}

TEST(E4m3, MatchesTheNearestForRandomFp32) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> exponent(-14.0F, 10.0F);
  for (int i = 0; i < 200'000; ++i) {
    const auto mantissa = static_cast<std::uint32_t>(random());
    const float near =
        std::ldexp(std::bit_cast<float>(0x3F80'0000U | (mantissa >> 9)), static_cast<int>(exponent(random)));
    const float anything = std::bit_cast<float>(mantissa);
    ASSERT_EQ(e4m3_from_float(near), nearest_e4m3(near)) << near;
    ASSERT_EQ(e4m3_from_float(anything), nearest_e4m3(anything)) << anything;
  }
}

TEST(E4m3, SaturatesAndKeepsNan) {
  EXPECT_EQ(e4m3_from_float(448.0F), 0x7E);
  EXPECT_EQ(e4m3_from_float(464.0F), 0x7E);
  EXPECT_EQ(e4m3_from_float(1e30F), 0x7E);
  EXPECT_EQ(e4m3_from_float(-INFINITY), 0xFE);
  EXPECT_EQ(e4m3_from_float(INFINITY), 0x7E);
  EXPECT_EQ(e4m3_from_float(std::bit_cast<float>(0x7FC0'0000U)), 0x7F);
  EXPECT_EQ(e4m3_from_float(std::bit_cast<float>(0xFF80'0001U)), 0xFF);
  EXPECT_EQ(e4m3_from_float(-0.0F), 0x80);
  EXPECT_EQ(e4m3_from_float(0x1p-10F), 0x00);
  EXPECT_EQ(e4m3_from_float(0x1.000002p-10F), 0x01);
}

TEST(Rows, AgreeWithSingleElementsForEveryType) {
  const std::vector<float> values{0.0F, -0.0F, 1.5F, -3.1415927F, 1e-6F, 70000.0F, -INFINITY, 300.0F, 0.1F};
  for (const DType dtype : {DType::kBf16, DType::kFp16, DType::kFp32, DType::kFp8E4m3}) {
    std::array<float, 9> one_by_one{};
    std::array<float, 9> row{};
    for (std::size_t i = 0; i < values.size(); ++i) store_element(one_by_one.data(), dtype, i, values[i]);
    store_row(row.data(), dtype, values.size(), values.data());
    ASSERT_TRUE(std::equal(row.begin(), row.end(), one_by_one.begin(), same_float)) << name_of(dtype);
    std::vector<float> widened(values.size());
    load_row(row.data(), dtype, values.size(), widened.data());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_TRUE(same_float(widened[i], load_element(row.data(), dtype, i))) << name_of(dtype) << " " << i;
      EXPECT_TRUE(same_float(widened[i], round_to(dtype, values[i]))) << name_of(dtype) << " " << i;
    }
  }
}

TEST(Rows, RoundToIsTheTypesNearestValue) {
  EXPECT_EQ(round_to(DType::kBf16, 1.00390625F), 1.0F);       // tie: even
  EXPECT_EQ(round_to(DType::kBf16, 1.01171875F), 1.015625F);  // tie: even
  EXPECT_EQ(round_to(DType::kFp16, 2049.0F), 2048.0F);
  EXPECT_EQ(round_to(DType::kFp32, 0.1F), 0.1F);
  EXPECT_EQ(round_to(DType::kFp8E4m3, 17.0F), 16.0F);
}

}  // namespace
}  // namespace crossdock::core
