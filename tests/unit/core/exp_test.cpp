#include "core/routing/exp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace crossdock::core {
namespace {

/// Distance to the exact value in units of the last place there.
double error_in_ulps(float x) {
  const double exact = std::exp(static_cast<double>(x));
  const auto nearest = static_cast<float>(exact);
  const float got = exp_fp32(x);
  if (std::isinf(nearest) || std::isinf(got)) return nearest == got ? 0.0 : INFINITY;
  const double ulp = static_cast<double>(std::nextafter(nearest, INFINITY)) - static_cast<double>(nearest);
  return std::abs(static_cast<double>(got) - exact) / ulp;
}

TEST(Exp, StaysBelowTwoUnitsOverADenseSweep) {
  double worst = 0;
  const auto top = std::bit_cast<std::uint32_t>(105.0F);
  for (std::uint32_t bits = 0; bits < top; bits += 499) {
    const float x = std::bit_cast<float>(bits);
    worst = std::max({worst, error_in_ulps(x), error_in_ulps(-x)});
  }
  EXPECT_LT(worst, 2.0);
}

TEST(Exp, StaysBelowTwoUnitsAroundEveryMultipleOfHalfLn2) {
  double worst = 0;
  for (int n = -299; n <= 255; ++n) {
    auto x = static_cast<float>(n * 0.34657359027997264);
    for (int step = 0; step < 200; ++step, x = std::nextafter(x, INFINITY)) worst = std::max(worst, error_in_ulps(x));
  }
  EXPECT_LT(worst, 2.0);
}

TEST(Exp, Limits) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(exp_fp32(0.0F), 1.0F);
  EXPECT_EQ(exp_fp32(-0.0F), 1.0F);
  EXPECT_EQ(exp_fp32(infinity), infinity);
  EXPECT_EQ(exp_fp32(88.73F), infinity);
  EXPECT_LT(exp_fp32(88.7228F), infinity);
  EXPECT_EQ(exp_fp32(-infinity), 0.0F);
  EXPECT_EQ(exp_fp32(-104.0F), 0.0F);
  EXPECT_EQ(exp_fp32(-103.5F), std::numeric_limits<float>::denorm_min());
  EXPECT_TRUE(std::isnan(exp_fp32(std::nanf(""))));
}

TEST(Sigmoid, KnownValuesAndLimits) {
  EXPECT_EQ(sigmoid(0.0F), 0.5F);
  EXPECT_EQ(sigmoid(100.0F), 1.0F);
  EXPECT_EQ(sigmoid(-100.0F), 0.0F);
  EXPECT_FLOAT_EQ(sigmoid(1.0F), 0.7310586F);
  EXPECT_FLOAT_EQ(sigmoid(-2.0F), 0.11920292F);
  EXPECT_TRUE(std::isnan(sigmoid(std::nanf(""))));
}

}  // namespace
}  // namespace crossdock::core
