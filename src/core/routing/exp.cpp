#include "core/routing/exp.hpp"

#include <bit>
#include <cstdint>
#include <limits>

namespace crossdock::core {
namespace {

/// 2^exponent for a normal result.
float power_of_two(int exponent) { return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23); }

}  // namespace

float exp_fp32(float x) {
  constexpr float kOverflow = 88.7228394F;    // e^x > the largest fp32 above it
  constexpr float kUnderflow = -103.972084F;  // e^x < half of the smallest subnormal below it
  if (x != x) return x;
  if (x > kOverflow) return std::numeric_limits<float>::infinity();
  if (x < kUnderflow) return 0.0F;

  // n = the integer next to x / ln 2: adding 1.5 * 2^23 leaves no room for a fraction.
  constexpr float kRound = 12582912.0F;
  const float shifted = x * 1.44269504F + kRound;
  const int n = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const float whole = shifted - kRound;

  // r = x - n ln 2 with ln 2 in two parts; the first has 9 bits, so n times it is exact.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  const float r = (x - whole * kLn2High) - whole * kLn2Low;

  // Taylor to r^7: |r| <= 0.347 leaves 5e-9 of the value, a tenth of a unit in the last place.
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * (r * r) + r;
  p = p + 1.0F;

  // In two steps: 2^128 and subnormal powers are no normal numbers.
  const int half = n / 2;
  return p * power_of_two(half) * power_of_two(n - half);
}

float sigmoid(float x) { return 1.0F / (1.0F + exp_fp32(-x)); }

}  // namespace crossdock::core
