// Scales of the blocks that a warp has in registers, each found once: what a scale costs is as much as its block's
// bytes.
#pragma once

#include "device/numeric/convert.cuh"
#include "device/numeric/quantize.cuh"

namespace crossdock::device {

/// Lanes whose eights are one block. Eight i of the lanes is two blocks, 2 i and 2 i + 1.
inline constexpr int kBlockLanes = kQuantBlock / kEight;
static_assert(kBlockLanes == 16);

/// All lanes: the scale of the block whose number in the warp is the lane's. Lanes past the last block have one of no
/// meaning.
template <int kEights>
__device__ __forceinline__ BlockScale scale_of_lane(const float (&values)[kEights][kEight], Quantize quantize) {
  static_assert(2 * kEights <= 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  std::uint32_t amax = 0;
#pragma unroll
  for (int i = 0; i < kEights; ++i) {
    std::uint32_t largest = 0;
#pragma unroll
    for (const float value : values[i]) largest = max(largest, finite_magnitude(value));
    largest = __shfl_sync(~0U, max_of_lanes<kBlockLanes>(largest), lane % 2 * kBlockLanes);
    if (lane / 2 == i) amax = largest;
  }
  return block_scale(amax, quantize);
}

/// All lanes: of the block that the lane's eight i lies in.
__device__ __forceinline__ float multiplier_of(const BlockScale& of_lane, int eight) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  return __shfl_sync(~0U, of_lane.multiplier, 2 * eight + lane / kBlockLanes);
}

}  // namespace crossdock::device
