// is_last_block for kernels without bulk stores: no fence that their accesses do not need.
#pragma once

#include <cstdint>

#include "device/ptx/order.cuh"

namespace crossdock::device {

/// What the last block speaks for, with store_release_sys.
enum class Spoken {
  kReads,        ///< all blocks have read what other GPUs wrote
  kRemoteWrites  ///< all blocks' rows lie at other GPUs
};

/// All threads of all blocks call it once at their end: true in the block that came last. It leaves `counter` (device
/// memory, 0 at the start) at 0.
template <Spoken kSpoken>
__device__ __forceinline__ bool is_last_plain_block(std::uint32_t* counter) {
  __shared__ bool last;
  __syncthreads();
  if (gridDim.x == 1) return true;
  if (threadIdx.x == 0) {
    if constexpr (kSpoken == Spoken::kRemoteWrites) {
      fence_sys();
    } else {
      fence_gpu();
    }
    last = atomicAdd(counter, 1U) == gridDim.x - 1;
    if (last) {
      *counter = 0;
      fence_gpu();
    }
  }
  __syncthreads();
  return last;
}

}  // namespace crossdock::device
