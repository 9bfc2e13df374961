// Waits for rows: workers look at them, the last warp looks at the clock.
#pragma once

#include "device/sync/wait.cuh"
#include "kernels/latency/roles/arrival.cuh"
#include "kernels/latency/roles/block.cuh"

namespace crossdock::kernels {

/// A worker warp: waits until `look(polls)` says, in all lanes alike, that what comes from `source` is here. False
/// where this rank gave up.
template <typename Look>
__device__ __forceinline__ bool await_rows(Look&& look, int source, const device::WaitLimit& limit, Arrival& arrival) {
  for (unsigned polls = 1; !look(polls); ++polls) {
    __nanosleep(device::kPauseNanoseconds);
    if (polls % device::kPolls != 0) continue;
    if (threadIdx.x % 32 == 0) atomicExch(&arrival.missing, source);
    if (device::has_given_up(limit)) return false;
  }
  return true;
}

/// A worker warp, at its end: all that it awaited has come, and has been used.
__device__ __forceinline__ void note_read(Arrival& arrival) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) atomicAdd(&arrival.warps_done, 1U);
}

/// The last warp: waits for the workers, and gives up for them when their time is over.
template <typename Args>
__device__ __forceinline__ void await_read(const Args& args, device::Operation operation, Arrival& arrival) {
  constexpr std::uint64_t kNanosecondsBetweenLooks = 1'000'000;  // at the limit: see device::kRoundsBetweenLooks
  const std::uint64_t start = device::global_timer();
  std::uint64_t looked = start;
  while (threadIdx.x % 32 == 0 && atomicAdd(&arrival.warps_done, 0U) != kWorkerWarps) {
    __nanosleep(32);
    const std::uint64_t now = device::global_timer();
    if (now - looked < kNanosecondsBetweenLooks) continue;
    looked = now;
    const int missing = atomicAdd(&arrival.missing, 0);
    (void)device::must_give_up({operation, device::Phase::kRows, args.port.rank, missing}, start, arrival.call.tag, 0,
                               args.limit);
  }
  __syncwarp();
}

}  // namespace crossdock::kernels
