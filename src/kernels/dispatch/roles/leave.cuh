// The end of a dispatch: every block tells every rank that what it stored is there, one waits for those of all ranks.
#pragma once

#include "kernels/dispatch/roles/finish_outputs.cuh"

namespace crossdock::kernels {

/// All threads of a block, once their bulk stores are complete. Also where the call failed, because a rank announces
/// again once it has heard that all are through with this call's announcements; but not from a block that gave up.
__device__ __forceinline__ void signal_arrived(const DispatchArgs& args, const DispatchEntry& entry) {
  device::fence_proxy_async();  // bulk stores of this thread before the signal that another one sends for it
  __syncthreads();
  const int rank = static_cast<int>(threadIdx.x);
  if (entry.state == device::CallState::kGaveUp || !is_live(args.port, rank)) return;
  device::store_release_sys(&board_of(args, rank)->arrived[args.port.rank][blockIdx.x], entry.tag);
}

/// All threads of a block, a warp a rank, a lane a block of it. The own ones too: then no other block needs the
/// channel.
__device__ __forceinline__ bool await_arrived(const DispatchArgs& args, const DispatchEntry& entry) {
  const device::Board& board = *board_of(args, args.port.rank);
  const int warps = static_cast<int>(blockDim.x / 32);
  bool arrived = true;
  for (int rank = static_cast<int>(threadIdx.x / 32); rank < args.port.num_ranks; rank += warps) {
    if (!is_live(args.port, rank)) continue;
    for (int block = static_cast<int>(threadIdx.x % 32); block < entry.blocks[rank]; block += 32) {
      const device::Awaited awaited{device::Operation::kDispatch, device::Phase::kArrive, args.port.rank, rank,
                                    block == 0};
      arrived = device::wait_for(&board.arrived[rank][block], entry.tag, awaited, args.limit) && arrived;
    }
  }
  return arrived;
}

/// The block that started last. Where something is missing the other blocks may not have ended: the channel stays as it
/// is until the next epoch.
__device__ __forceinline__ void leave(const DispatchArgs& args, DispatchEntry& entry) {
  const bool arrived = entry.state != device::CallState::kGaveUp && await_arrived(args, entry);
  if (!arrived) atomicExch(&entry.missing, 1U);
  __syncthreads();
  const bool all_arrived = entry.missing == 0;
  if (all_arrived && threadIdx.x == 0) {
    args.channel->claimed = 0;
    args.channel->tag = entry.tag;
  }
  if (!all_arrived || entry.state != device::CallState::kDone) clear_results(args);
  if (!all_arrived) device::tell_peers(args.port, args.board, args.limit);
}

}  // namespace crossdock::kernels
