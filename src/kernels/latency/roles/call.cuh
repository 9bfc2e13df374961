// The tag of a latency call: read by every block at its start, moved on while blocks work, so that no block waits for
// it at its end.
#pragma once

#include "device/port/terms.hpp"
#include "device/ptx/order.cuh"

namespace crossdock::kernels {

struct LatencyCall {
  std::uint64_t tag;
  std::uint32_t ticket;  ///< lane 0: how many blocks had read the tag before
};

/// One warp of each block, before the kernels before this one have ended: those of the same channel have.
__device__ __forceinline__ LatencyCall begin_call(device::Channel* channel) {
  const bool asks = threadIdx.x % 32 == 0;
  const std::uint64_t last = __shfl_sync(~0U, asks ? device::load_relaxed_sys(&channel->tag) : 0, 0);
  device::fence_gpu();  // the tag is read before the ticket says so
  return {last + 1, asks ? atomicAdd(&channel->blocks_done, 1U) : 0};
}

/// The same warp, when it has time: once all blocks have read the tag, the channel moves on.
__device__ __forceinline__ void note_call(device::Channel* channel, const LatencyCall& call) {
  if (threadIdx.x % 32 != 0 || call.ticket != gridDim.x - 1) return;
  device::fence_gpu();
  atomicExch(&channel->blocks_done, 0U);  // a plain store would race with the others' adds
  channel->tag = call.tag;
}

}  // namespace crossdock::kernels
