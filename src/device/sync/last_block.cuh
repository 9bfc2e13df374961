// What a grid's last block does alone.
#pragma once

#include "device/ptx/order.cuh"

namespace crossdock::device {

/// All threads of all blocks call it once at their end: true in the block that came last, and that one sees what all
/// others wrote. It leaves `counter` (device memory, 0 at the start) at 0. Bulk stores have to be complete.
__device__ __forceinline__ bool is_last_block(std::uint32_t* counter) {
  __shared__ bool last;
  fence_proxy_async();  // bulk stores of this thread before the signal that somebody sends for it
  __syncthreads();
  if (threadIdx.x == 0) {
    fence_sys();
    last = atomicAdd(counter, 1U) == gridDim.x - 1;
    if (last) {
      atomicExch(counter, 0U);  // a plain store would race with the others' adds: no fence is behind those
      fence_sys();
    }
  }
  __syncthreads();
  return last;
}

}  // namespace crossdock::device
