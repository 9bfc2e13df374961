// The rounding of every narrow format.
#pragma once

#include <cstdint>

namespace crossdock::core {

/// value / 2^shift, to nearest even. shift is of [1, 31], value + 2^shift fits 32 bits.
constexpr std::uint32_t round_shift(std::uint32_t value, std::uint32_t shift) {
  const std::uint32_t odd = (value >> shift) & 1U;
  return (value + (1U << (shift - 1)) - 1U + odd) >> shift;
}

/// The magnitude bits of an fp32 number below 2^(1 - bias), as a multiple of a small format's smallest subnormal
/// 2^-unit. The carry out of the largest subnormal is the smallest normal number, as it should be.
constexpr std::uint32_t round_subnormal(std::uint32_t magnitude, std::uint32_t unit) {
  const std::uint32_t exponent = magnitude >> 23;
  const std::uint32_t shift = 150U - unit - exponent;  // fp32: mantissa * 2^(exponent - 150)
  if (shift > 24U) return 0;                           // below half of the unit; fp32's own subnormals too
  return round_shift((magnitude & 0x7F'FFFFU) | 0x80'0000U, shift);
}

}  // namespace crossdock::core
