// e4m3fn: 1 sign, 4 exponent (bias 7), 3 mantissa bits; no infinity; S.1111.111 is NaN; largest value 448.
#pragma once

#include <bit>
#include <cstdint>

namespace crossdock::core {

inline constexpr float kE4m3Max = 448.0F;

float float_from_e4m3(std::uint8_t bits);

/// Nearest even; finite overflow and infinity saturate to +-448; NaN gives S.1111.111.
/// Without branches, so that loops over it become vector code.
inline std::uint8_t e4m3_from_float(float value) {
  // Signed, because the baseline of x86-64 compares vectors of signed integers only.
  constexpr std::int32_t kInfinity = 0x7F80'0000;
  constexpr std::int32_t kSmallestNormal = 0x3C80'0000;  // 2^-6
  constexpr float kRound = 0x1p14F;                      // its last place is 2^-9, the smallest subnormal
  const auto bits = std::bit_cast<std::int32_t>(value);
  const std::int32_t magnitude = bits & 0x7FFF'FFFF;
  const std::int32_t normal = (magnitude - (120 << 23) + 0x7'FFFF + ((magnitude >> 20) & 1)) >> 20;
  const float shifted = std::bit_cast<float>(magnitude) + kRound;
  const std::int32_t subnormal = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  std::int32_t narrow = magnitude < kSmallestNormal ? subnormal : normal;
  narrow = magnitude >= std::bit_cast<std::int32_t>(kE4m3Max) ? 0x7E : narrow;
  narrow = magnitude > kInfinity ? 0x7F : narrow;
  return static_cast<std::uint8_t>(((bits >> 24) & 0x80) | narrow);
}

}  // namespace crossdock::core
