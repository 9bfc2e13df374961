// "My rows may be read" at the start of a combine, "I have read yours" at its end.
#pragma once

#include "device/sync/wait.cuh"
#include "kernels/combine/combine_args.hpp"
#include "kernels/combine/combine_smem.cuh"

namespace crossdock::kernels {

__device__ __forceinline__ device::Board* board_of(const CombineArgs& args, int rank) {
  return reinterpret_cast<device::Board*>(args.port.windows[rank] + args.board);
}

/// The first warp of each block, a lane a rank; the first block speaks for its rank, unless an earlier wait of it gave
/// up.
__device__ __forceinline__ void enter(const CombineArgs& args, CombineEntry& entry) {
  if (threadIdx.x < 32) {
    const int lane = static_cast<int>(threadIdx.x);
    bool ready = !device::has_given_up(args.limit);
    if (ready && lane < args.port.num_ranks) {
      device::Board* theirs = board_of(args, lane);
      const device::Board* mine = board_of(args, args.port.rank);
      if (blockIdx.x == 0) {
        theirs->rows_at[args.port.rank] = args.rows_at;
        device::fence_sys();
        device::store_release_sys(&theirs->ready[args.port.rank], args.tag);
      }
      ready = device::wait_for(&mine->ready[lane], args.tag,
                               {device::Operation::kCombine, device::Phase::kReady, args.port.rank, lane}, args.limit);
      const std::uint64_t first = static_cast<std::uint64_t>(args.first_rows[lane]) * args.row_bytes;
      if (ready) entry.rows[lane] = args.port.windows[lane] + device::load_relaxed_sys(&mine->rows_at[lane]) + first;
      // Rows that a peer wrote are read by bulk copies.
      device::fence_proxy_async();
    }
    ready = __all_sync(~0U, ready);
    if (lane == 0) entry.ready = ready;
  }
  __syncthreads();
}

/// The first warp of the last block. Rows may change once combine is done, so it waits for all readers.
__device__ __forceinline__ void leave(const CombineArgs& args) {
  const int lane = static_cast<int>(threadIdx.x);
  if (lane >= args.port.num_ranks || device::has_given_up(args.limit)) return;
  device::store_release_sys(&board_of(args, lane)->read[args.port.rank], args.tag);
  device::wait_for(&board_of(args, args.port.rank)->read[lane], args.tag,
                   {device::Operation::kCombine, device::Phase::kRead, args.port.rank, lane}, args.limit);
}

}  // namespace crossdock::kernels
