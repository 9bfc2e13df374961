// e4m3 to fp32, as src/core/numeric/fp8.hpp has it.
#pragma once

#include <cstdint>

namespace crossdock::device {

__device__ __forceinline__ float float_from_e4m3(std::uint32_t bits) {
  const std::uint32_t sign = (bits & 0x80U) << 24;
  const std::uint32_t magnitude = bits & 0x7FU;
  // Subnormals are multiples of 2^-9: exact.
  const float small = __fmul_rn(static_cast<float>(magnitude), 0x1p-9F);
  std::uint32_t wide = magnitude < 8 ? __float_as_uint(small) : (magnitude << 20) + (120U << 23);
  if (magnitude == 0x7F) wide = 0x7FC0'0000U;
  return __uint_as_float(sign | wide);
}

/// Eight bytes in the order of memory.
__device__ __forceinline__ void widen_e4m3(uint2 codes, float (&values)[8]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    values[i] = float_from_e4m3(codes.x >> (8 * i) & 0xFFU);
    values[4 + i] = float_from_e4m3(codes.y >> (8 * i) & 0xFFU);
  }
}

}  // namespace crossdock::device
