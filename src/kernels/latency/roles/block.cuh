// A block of latency mode: warps that work, and one that waits and speaks.
#pragma once

#include "device/ptx/barrier.cuh"

namespace crossdock::kernels {

inline constexpr int kWorkerWarps = 8;
inline constexpr int kWorkers = kWorkerWarps * 32;
inline constexpr int kLatencyThreads = kWorkers + 32;

/// A stream has at most its running kernel here and the one that waits behind it: two of a dispatch leave room for the
/// combine that is in flight beside it, and the other way round. A kernel without room could keep peers waiting.
inline constexpr int kLatencyBlocksOfSm = 3;

__device__ __forceinline__ bool is_worker() { return threadIdx.x < kWorkers; }

/// As __syncthreads, for threads that wait at different places.
__device__ __forceinline__ void meet_block() { device::barrier_sync(2, kLatencyThreads); }

}  // namespace crossdock::kernels
