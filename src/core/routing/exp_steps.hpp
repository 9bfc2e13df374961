// The steps of exp.hpp, for host and device: the same operations in the same order, each rounded.
#pragma once

#include <cstdint>

#include "base/host_device.hpp"

namespace crossdock::core::steps {

// nvcc makes one rounding of a multiplication and an addition unless it is told not to.
CROSSDOCK_HD inline float product(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}
CROSSDOCK_HD inline float sum(float a, float b) {
#if defined(__CUDA_ARCH__)
  return __fadd_rn(a, b);
#else
  return a + b;
#endif
}
CROSSDOCK_HD inline float reciprocal(float a) {
#if defined(__CUDA_ARCH__)
  return __fdiv_rn(1.0F, a);
#else
  return 1.0F / a;
#endif
}

CROSSDOCK_HD inline std::int32_t bits_of(float value) { return __builtin_bit_cast(std::int32_t, value); }
CROSSDOCK_HD inline float float_of(std::int32_t bits) { return __builtin_bit_cast(float, bits); }

/// 2^exponent for a normal result.
CROSSDOCK_HD inline float power_of_two(int exponent) { return float_of((exponent + 127) << 23); }

CROSSDOCK_HD inline float exp_fp32(float x) {
  constexpr float kOverflow = 88.7228394F;    // e^x > the largest fp32 above it
  constexpr float kUnderflow = -103.972084F;  // e^x < half of the smallest subnormal below it
  constexpr std::int32_t kInfinity = 0x7F80'0000;
  if (x != x) return x;
  if (x > kOverflow) return float_of(kInfinity);
  if (x < kUnderflow) return 0.0F;

  // n = the integer next to x / ln 2: adding 1.5 * 2^23 leaves no room for a fraction.
  constexpr float kRound = 12582912.0F;
  const float shifted = sum(product(x, 1.44269504F), kRound);
  const int n = bits_of(shifted) - bits_of(kRound);
  const float whole = sum(shifted, -kRound);

  // r = x - n ln 2 with ln 2 in two parts; the first has 9 bits, so n times it is exact.
  constexpr float kLn2High = 0.693359375F;
  constexpr float kLn2Low = -2.12194440e-4F;
  const float r = sum(sum(x, -product(whole, kLn2High)), -product(whole, kLn2Low));

  // Taylor to r^7: |r| <= 0.347 leaves 5e-9 of the value, a tenth of a unit in the last place.
  float p = 1.0F / 5040.0F;
  p = sum(product(p, r), 1.0F / 720.0F);
  p = sum(product(p, r), 1.0F / 120.0F);
  p = sum(product(p, r), 1.0F / 24.0F);
  p = sum(product(p, r), 1.0F / 6.0F);
  p = sum(product(p, r), 0.5F);
  p = sum(product(p, product(r, r)), r);
  p = sum(p, 1.0F);

  // In two steps: 2^128 and subnormal powers are no normal numbers.
  const int half = n / 2;
  return product(product(p, power_of_two(half)), power_of_two(n - half));
}

CROSSDOCK_HD inline float sigmoid(float x) { return reciprocal(sum(1.0F, exp_fp32(-x))); }

}  // namespace crossdock::core::steps
