// is_last_block for kernels without bulk stores: no fence that their accesses do not need.
#pragma once

#include <cstdint>

#include "device/ptx/order.cuh"

namespace crossdock::device {

/// What the last block speaks for.
enum class Spoken {
  kReads,        ///< all blocks have read what other GPUs wrote
  kRemoteWrites  ///< all blocks' rows lie at other GPUs
};

enum class Ended { kNotLast, kLast, kLastOfFailed };

/// One thread of each block, after __syncthreads at the block's end; the one that comes last may then signal with
/// store_relaxed_sys, and learns whether any block `failed`. It leaves `counter` (device memory, 0 at the start) at 0.
template <Spoken kSpoken>
__device__ __forceinline__ Ended end_block(std::uint32_t* counter, bool failed) {
  constexpr std::uint32_t kFailed = 1U << 16;  // grids have fewer blocks
  if constexpr (kSpoken == Spoken::kRemoteWrites) {
    fence_sys();
  } else {
    fence_gpu();
  }
  std::uint32_t ended = failed ? kFailed : 0;
  if (gridDim.x > 1) {
    ended += atomicAdd(counter, ended + 1);
    if (ended % kFailed != gridDim.x - 1) return Ended::kNotLast;
    *counter = 0;
    fence_sys();
  } else if constexpr (kSpoken == Spoken::kReads) {
    fence_sys();
  }
  return ended < kFailed ? Ended::kLast : Ended::kLastOfFailed;
}

/// All threads of all blocks call it once at their end: true in the block that came last, which may then signal with
/// store_release_sys. `counter` as above.
template <Spoken kSpoken>
__device__ __forceinline__ bool is_last_plain_block(std::uint32_t* counter) {
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0) last = end_block<kSpoken>(counter, false) != Ended::kNotLast;
  __syncthreads();
  return last;
}

}  // namespace crossdock::device
