// The start of a dispatch: every rank announces its rows and its offer to every rank, and derives every first row and
// every refusal from all announcements.
#pragma once

#include "base/math.hpp"
#include "device/sync/wait.cuh"
#include "kernels/dispatch/dispatch_smem.cuh"
#include "kernels/dispatch/roles/announce.cuh"
#include "kernels/dispatch/roles/announced.cuh"

namespace crossdock::kernels {

/// A warp, a lane a rank: the lowest rank that more rows are meant for than it takes fails the call.
__device__ __forceinline__ void refuse_excess(DispatchEntry& entry, bool is_rank, std::int64_t needed,
                                              std::int64_t taken) {
  const std::uint32_t refusing = __ballot_sync(~0U, is_rank && needed > taken);
  if (static_cast<int>(threadIdx.x % 32) != __ffs(static_cast<int>(refusing)) - 1) return;
  entry.state = device::CallState::kCapacityExceeded;
  entry.rank = static_cast<std::int32_t>(threadIdx.x % 32);
  entry.rows_needed = needed;
  entry.rows_taken = taken;
}

/// One warp, once all announcements are here.
__device__ __forceinline__ void read_announcements(const DispatchArgs& args, DispatchEntry& entry) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const device::Board& board = *board_of(args, args.port.rank);
  const bool is_rank = is_live(args.port, lane);
  device::Offer offer;
  std::int64_t layout_capacity = 0;
  std::int32_t blocks = 0;
  if (is_rank) {
    blocks = __ldcg(&board.announcements[lane].blocks);
    offer = load_offer(board.announcements[lane].offer);
    layout_capacity = __ldcg(&board.announcements[lane].layout_capacity);
  }
  Agreement agreement(args.terms);
  const RowSums sums = sum_rows(args, board, agreement);
  entry.offers[lane] = offer;
  entry.blocks[lane] = blocks;
  entry.first_row[lane] = sums.before;
  entry.wire_rows[lane] = sums.all;
  entry.layout_capacity[lane] = layout_capacity;
  entry.layout_rows[lane] = 0;
  const Disagreement found = agreement.result();
  if (lane == 0) {
    entry.state = found.state;
    entry.rank = found.rank;
    entry.field = found.field;
    entry.theirs = found.theirs;
  }
  __syncwarp();
  if (found.state == device::CallState::kDone && !args.is_contiguous) {
    refuse_excess(entry, is_rank, sums.all, offer.capacity);
  }
}

/// One thread a block. The block that starts last waits for the others at its end: it keeps no SM from them.
__device__ __forceinline__ bool starts_last(device::Channel* channel) {
  if (atomicAdd(&channel->blocks_done, 1U) != gridDim.x - 1) return false;
  atomicExch(&channel->blocks_done, 0U);
  return true;
}

/// One warp, a lane a rank.
__device__ __forceinline__ void await_announcements(const DispatchArgs& args, std::uint64_t tag, DispatchEntry& entry) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const device::Board& board = *board_of(args, args.port.rank);
  if (lane == 0) entry.started_last = starts_last(args.channel);
  bool heard = !device::has_given_up(args.limit);
  if (is_live(args.port, lane) && heard) {
    heard = device::wait_for(
        &board.announced[lane], tag,
        {device::Operation::kDispatch, device::Phase::kAnnounce, args.port.rank, lane, blockIdx.x == 0}, args.limit);
  }
  if (lane == 0) {
    entry.tag = tag;
    entry.missing = 0;
    entry.state = device::CallState::kGaveUp;
    entry.rank = entry.field = entry.theirs = -1;
    entry.rows_needed = entry.rows_taken = 0;
  }
  const bool all_heard = __all_sync(~0U, heard);
  __syncwarp();
  if (all_heard) read_announcements(args, entry);
}

/// The meta warps. Announcements are dealt to blocks first, so that they go out together; the last meta warp of each
/// block waits. Nothing is announced where an earlier wait of this rank gave up: that error is sticky.
__device__ __forceinline__ void enter(const DispatchArgs& args, DispatchEntry& entry, int meta_warp, int meta_warps) {
  const std::uint64_t tag = args.channel->tag + 1;
  const int blocks = static_cast<int>(gridDim.x);
  const int announcers = max(meta_warps - 1, 1);
  if (meta_warp < announcers) {
    for (int peer = static_cast<int>(blockIdx.x) + meta_warp * blocks; peer < args.port.num_ranks;
         peer += announcers * blocks) {
      if (is_live(args.port, peer)) announce(args, tag, peer);
    }
  }
  if (meta_warp == meta_warps - 1) await_announcements(args, tag, entry);
}

/// All threads of a block: rows that kExpertContiguous makes of what all sources have for each rank.
__device__ __forceinline__ void sum_layouts(const DispatchArgs& args, DispatchEntry& entry) {
  const device::Board& board = *board_of(args, args.port.rank);
  for (int expert = static_cast<int>(threadIdx.x); expert < args.num_experts; expert += static_cast<int>(blockDim.x)) {
    const std::int64_t selections = sum_expert(args.port, board, expert);
    const std::int64_t rows = base::round_up(selections, std::int64_t{args.expert_alignment});
    atomicAdd(&entry.layout_rows[rank_of(expert, args.num_experts, args.port.num_ranks)],
              static_cast<unsigned long long>(rows));
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    const int lane = static_cast<int>(threadIdx.x);
    const auto layout = static_cast<std::int64_t>(entry.layout_rows[lane]);
    const bool too_long = layout > entry.layout_capacity[lane];
    refuse_excess(entry, is_live(args.port, lane), too_long ? layout : entry.wire_rows[lane],
                  too_long ? entry.layout_capacity[lane] : entry.offers[lane].capacity);
  }
  __syncthreads();
}

}  // namespace crossdock::kernels
