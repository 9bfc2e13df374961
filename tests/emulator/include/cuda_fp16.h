// The conversions of fp16 that kernels call, as PTX has them (cvt.rn.f16x2.f32): to nearest even, any NaN to 0x7FFF.
#pragma once

#include <bit>
#include <cstdint>

#include "vector_types.h"

struct __half2 {
  std::uint16_t x, y;
};

inline std::uint16_t emulated_half(float value) {
  return value != value ? std::uint16_t{0x7FFF} : std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
}

inline __half2 __floats2half2_rn(float low, float high) { return {emulated_half(low), emulated_half(high)}; }

inline float2 __half22float2(__half2 pair) {
  return {static_cast<float>(std::bit_cast<_Float16>(pair.x)), static_cast<float>(std::bit_cast<_Float16>(pair.y))};
}
