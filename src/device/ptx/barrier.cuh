// Barriers among some warps of a block. One function = one instruction.
#pragma once

namespace crossdock::device {

/// As __syncthreads, for `threads` threads of whole warps that name the same barrier, 1 to 15.
__device__ __forceinline__ void barrier_sync(int barrier, int threads) {
  asm volatile("barrier.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

/// Counts as one of them without waiting: who waits comes after what this thread did before.
__device__ __forceinline__ void barrier_arrive(int barrier, int threads) {
  asm volatile("barrier.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

}  // namespace crossdock::device
