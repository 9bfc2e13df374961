// The start of a dispatch: every rank announces its rows and its offer, and derives every first row from all of them.
#pragma once

#include "device/sync/wait.cuh"
#include "kernels/dispatch/dispatch_smem.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

__device__ __forceinline__ device::Board* board_of(const DispatchArgs& args, int rank) {
  return reinterpret_cast<device::Board*>(args.port.windows[rank] + args.board);
}

/// One warp: its rank's announcement to one peer.
__device__ __forceinline__ void announce(const DispatchArgs& args, int peer) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  device::Board* board = board_of(args, peer);
  device::Announcement& announcement = board->announcements[args.port.rank];
  if (lane == 0) announcement.offer = args.offer;
  if (lane < args.port.num_ranks) announcement.rows_to[lane] = args.rank_rows[lane];
  const ExpertRange experts = experts_of(peer, args.num_experts, args.port.num_ranks);
  for (int i = lane; i < experts.count; i += 32) announcement.expert_rows[i] = args.expert_rows[experts.first + i];
  __syncwarp();
  if (lane == 0) {
    device::fence_sys();
    device::store_release_sys(&board->announced[args.port.rank], args.tag);
  }
}

struct RowSums {
  std::int64_t before = 0;  ///< of the sources below this rank
  std::int64_t all = 0;
};

/// Rows that the sources have for one rank.
__device__ __forceinline__ RowSums sum_rows(const device::Board& board, const device::PeerPort& port, int rank) {
  RowSums sums;
#pragma unroll 8
  for (int source = 0; source < port.num_ranks; ++source) {
    const std::int32_t rows = __ldcg(&board.announcements[source].rows_to[rank]);
    sums.before += source < port.rank ? rows : 0;
    sums.all += rows;
  }
  return sums;
}

/// One warp, a lane a rank.
__device__ __forceinline__ void await_announcements(const DispatchArgs& args, DispatchEntry& entry) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const device::Board& board = *board_of(args, args.port.rank);
  const bool is_rank = lane < args.port.num_ranks;
  bool heard = !device::has_given_up(args.limit);
  if (is_rank && heard) {
    heard =
        device::wait_for(&board.announced[lane], args.tag,
                         {device::Operation::kDispatch, device::Phase::kAnnounce, args.port.rank, lane}, args.limit);
  }
  const bool all_heard = __all_sync(~0U, heard);
  std::int64_t needed = 0;
  bool refuses = false;
  if (is_rank && all_heard) {
    const device::Announcement& theirs = board.announcements[lane];
    entry.offers[lane] = theirs.offer;
    const RowSums sums = sum_rows(board, args.port, lane);
    entry.first_row[lane] = sums.before;
    needed = sums.all;
    refuses = needed > theirs.offer.capacity;
    if (lane == args.port.rank) entry.num_rows = needed;
  }
  const std::uint32_t refusing = __ballot_sync(~0U, refuses);
  const int lowest = __ffs(static_cast<int>(refusing)) - 1;
  const std::int64_t lowest_needed = __shfl_sync(~0U, needed, lowest < 0 ? 0 : lowest);
  if (lane != 0) return;
  entry.state = !all_heard      ? DispatchState::kGaveUp
                : refusing != 0 ? DispatchState::kCapacityExceeded
                                : DispatchState::kDone;
  entry.refusing_rank = lowest;
  entry.rows_needed = lowest_needed;
}

/// The meta warps; the last of them waits. The first block announces, unless an earlier wait of this rank gave up: that
/// error is sticky.
__device__ __forceinline__ void enter(const DispatchArgs& args, DispatchEntry& entry, int meta_warp, int meta_warps) {
  if (blockIdx.x == 0 && !device::has_given_up(args.limit)) {
    for (int peer = meta_warp; peer < args.port.num_ranks; peer += meta_warps) announce(args, peer);
  }
  if (meta_warp == meta_warps - 1) await_announcements(args, entry);
}

}  // namespace crossdock::kernels
