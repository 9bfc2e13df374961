// FP8 over blocks of kQuantBlock channels, with the bits of src/core/numeric/quantize.hpp.
#pragma once

#include <cstdint>

#include "crossdock/types.hpp"
#include "device/ptx/convert.cuh"

namespace crossdock::device {

/// What one block is multiplied by, and what is stored beside it: core::BlockScale.
struct BlockScale {
  float multiplier = 0;
  float scale = 0;
  std::uint32_t exponent = 0;
};

/// Bits of |value|, 0 where it is not finite: magnitudes order like their bits.
__device__ __forceinline__ std::uint32_t finite_magnitude(float value) {
  const std::uint32_t magnitude = __float_as_uint(value) & 0x7FFF'FFFFU;
  return magnitude < 0x7F80'0000U ? magnitude : 0;
}

/// The largest of kLanes neighbouring lanes (a power of two); all lanes of the warp call it.
template <int kLanes>
__device__ __forceinline__ std::uint32_t max_of_lanes(std::uint32_t value) {
#pragma unroll
  for (int step = 1; step < kLanes; step *= 2) value = max(value, __shfl_xor_sync(~0U, value, step));
  return value;
}

/// From the bits of the block's largest finite magnitude.
__device__ __forceinline__ BlockScale block_scale(std::uint32_t amax, Quantize quantize) {
  const float a = fmaxf(__uint_as_float(amax), 1e-4F);  // core::kSmallestAmax
  const float scale = __fdiv_rn(a, 448.0F);
  const std::uint32_t bits = __float_as_uint(scale);
  if (quantize == Quantize::kFp8) return {__fdiv_rn(448.0F, a), scale, 0};
  const std::uint32_t exponent = (bits >> 23) + ((bits & 0x7F'FFFFU) != 0 ? 1U : 0U);
  return {__uint_as_float((254U - exponent) << 23), __uint_as_float(exponent << 23), exponent};
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ < 890
/// core::e4m3_from_float, for GPUs that cannot convert.
__device__ __forceinline__ std::uint32_t e4m3_byte(float value) {
  constexpr std::uint32_t kSmallestNormal = 0x3C80'0000U;  // 2^-6
  constexpr std::uint32_t kLargest = 0x43E0'0000U;         // 448
  const std::uint32_t bits = __float_as_uint(value);
  const std::uint32_t magnitude = bits & 0x7FFF'FFFFU;
  // 2^14's last place is 2^-9, the smallest subnormal.
  const float shifted = __fadd_rn(__uint_as_float(magnitude), 0x1p14F);
  std::uint32_t narrow = magnitude < kSmallestNormal
                             ? __float_as_uint(shifted) - __float_as_uint(0x1p14F)
                             : (magnitude - (120U << 23) + 0x7'FFFFU + (magnitude >> 20 & 1U)) >> 20;
  if (magnitude >= kLargest) narrow = 0x7E;
  if (magnitude > 0x7F80'0000U) narrow = 0x7F;
  return (bits >> 24 & 0x80U) | narrow;
}

__device__ __forceinline__ std::uint32_t e4m3_pair(float low, float high) {
  return e4m3_byte(low) | e4m3_byte(high) << 8;
}
#endif

/// Eight values times the multiplier, as eight e4m3 bytes.
__device__ __forceinline__ uint2 e4m3_eight(const float (&values)[8], float multiplier) {
  std::uint32_t pairs[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    pairs[i] = e4m3_pair(__fmul_rn(values[2 * i], multiplier), __fmul_rn(values[2 * i + 1], multiplier));
  }
  return {pairs[0] | pairs[1] << 16, pairs[2] | pairs[3] << 16};
}

}  // namespace crossdock::device
