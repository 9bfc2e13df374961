// What a grid's last block does alone, in kernels that store nothing to other GPUs: no fence that they do not need.
#pragma once

#include <cstdint>

#include "device/ptx/order.cuh"

namespace crossdock::device {

/// All threads of all blocks call it once at their end: true in the block that came last, which may tell peers by
/// store_release_sys that all blocks have read what they wrote. It leaves `counter` (device memory, 0 at the start) at
/// 0.
__device__ __forceinline__ bool is_last_plain_block(std::uint32_t* counter) {
  __shared__ bool last;
  __syncthreads();
  if (gridDim.x == 1) return true;
  if (threadIdx.x == 0) {
    fence_gpu();
    last = atomicAdd(counter, 1U) == gridDim.x - 1;
    if (last) {
      atomicExch(counter, 0U);  // a plain store would race with the others' adds: no fence is behind those
      fence_gpu();
    }
  }
  __syncthreads();
  return last;
}

}  // namespace crossdock::device
