// The conversions of bf16 that kernels call, as PTX has them (cvt.rn.bf16x2.f32): to nearest even, any NaN to 0x7FFF.
#pragma once

#include <bit>
#include <cstdint>

struct __nv_bfloat162 {
  std::uint16_t x, y;
};

inline std::uint16_t emulated_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFF'FFFFU) > 0x7F80'0000U) return 0x7FFF;
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

inline __nv_bfloat162 __floats2bfloat162_rn(float low, float high) { return {emulated_bf16(low), emulated_bf16(high)}; }
