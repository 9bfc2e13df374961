// src/device/ptx/convert.cuh on this processor.
#pragma once

#include <cmath>
#include <cstdint>

namespace crossdock::device {

/// cvt.rn.satfinite.e4m3x2.f32, from the definition of the format: 3 bits of fraction, the smallest step 2^-9.
inline std::uint32_t emulated_e4m3(float value) {
  constexpr int kBias = 7;
  constexpr int kFractionBits = 3;
  const std::uint32_t sign = std::signbit(value) ? 0x80U : 0U;
  if (std::isnan(value)) return 0x7F;
  const float magnitude = std::fabs(value);
  if (magnitude >= 448.0F) return sign | 0x7EU;
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude in [2^(exponent - 1), 2^exponent)
  exponent = magnitude == 0 || exponent - 1 < 1 - kBias ? 1 - kBias : exponent - 1;
  // Multiples of the last place; nearbyint rounds to even. One that rounds up to the next exponent carries into it.
  const auto places = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(magnitude, kFractionBits - exponent)));
  const auto biased = static_cast<std::uint32_t>(exponent + kBias);
  return sign | ((biased - 1) * 8 + places);
}

inline std::uint32_t e4m3_pair(float low, float high) { return emulated_e4m3(low) | emulated_e4m3(high) << 8; }

}  // namespace crossdock::device
