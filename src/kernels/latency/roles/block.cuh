// A block of latency mode: warps that work, and one that waits and speaks.
#pragma once

#include <cstdint>

#include "device/ptx/barrier.cuh"
#include "device/ptx/touch.cuh"

namespace crossdock::kernels {

inline constexpr int kWorkerWarps = 8;
inline constexpr int kWorkers = kWorkerWarps * 32;
inline constexpr int kLatencyThreads = kWorkers + 32;

/// A stream has at most its running kernel here and the one that waits behind it: two of a dispatch leave room for the
/// combine that is in flight beside it, and the other way round. A kernel without room could keep peers waiting.
inline constexpr int kLatencyBlocksOfSm = 3;

__device__ __forceinline__ bool is_worker() { return threadIdx.x < kWorkers; }

/// While a block waits anyway: a kernel's arguments are in no cache when it starts, and the first use of each line
/// would hold a warp up.
template <typename Args>
__device__ __forceinline__ void touch_arguments(const Args& args) {
  constexpr int kLineWords = 16;
  constexpr int kWords = sizeof(Args) / sizeof(std::uint32_t);
  const auto* words = reinterpret_cast<const std::uint32_t*>(&args);
#pragma unroll
  for (int i = 0; i < kWords; i += kLineWords) device::touch(words[i]);
}

/// As __syncthreads, for threads that wait at different places.
__device__ __forceinline__ void meet_block() { device::barrier_sync(2, kLatencyThreads); }

/// The last warp, once: areas are free, or this rank gave up.
__device__ __forceinline__ void tell_ready() { device::barrier_arrive(4, kLatencyThreads); }
/// All workers, once.
__device__ __forceinline__ bool await_ready(const bool& ready) {
  device::barrier_sync(4, kLatencyThreads);
  return ready;
}

/// A worker, once a token: it has counted. The last warp waits for all.
__device__ __forceinline__ void tell_counted() { device::barrier_arrive(5, kLatencyThreads); }
__device__ __forceinline__ void await_counted() { device::barrier_sync(5, kLatencyThreads); }
/// The other way round: counts may go on.
__device__ __forceinline__ void tell_numbers_read() { device::barrier_arrive(6, kLatencyThreads); }
__device__ __forceinline__ void await_numbers_read() { device::barrier_sync(6, kLatencyThreads); }

}  // namespace crossdock::kernels
