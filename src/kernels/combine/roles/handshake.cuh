// "My rows may be read" at the start of a combine, "I have read yours" at its end.
#pragma once

#include "device/sync/wait.cuh"
#include "device/sync/write_outcome.cuh"
#include "kernels/combine/combine_args.hpp"
#include "kernels/combine/combine_smem.cuh"
#include "kernels/live.cuh"

namespace crossdock::kernels {

__device__ __forceinline__ device::Board* board_of(const CombineArgs& args, int rank) {
  return reinterpret_cast<device::Board*>(args.port.windows[rank] + args.board);
}

/// Bytes of a row that is pulled.
__device__ __forceinline__ std::int64_t pulled_bytes(const CombineArgs& args) {
  return static_cast<std::int64_t>(args.hidden) * (args.row_dtype == DType::kFp32 ? 4 : 2);
}

/// One warp: where this rank's rows are, and its terms, to all peers.
__device__ __forceinline__ void post_ready(const CombineArgs& args, const Agreement& agreement, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int rank = args.port.rank;
  for (int peer = 0; peer < args.port.num_ranks; ++peer) {
    if (is_live(args.port, peer)) agreement.store_own(board_of(args, peer)->combine_terms[rank]);
  }
  __syncwarp();
  if (!is_live(args.port, lane)) return;
  device::Board* theirs = board_of(args, lane);
  theirs->rows_at[rank] = args.rows_at;
  theirs->recv_weights_at[rank] = args.recv_weights_at;
  theirs->positions_at[rank] = args.positions_at;
  device::store_release_sys(&theirs->ready[rank], tag);
}

/// The first warp of each block, a lane a rank; the first block speaks for its rank, unless an earlier wait of it gave
/// up.
__device__ __forceinline__ void enter(const CombineArgs& args, CombineEntry& entry) {
  if (threadIdx.x < 32) {
    const int lane = static_cast<int>(threadIdx.x);
    const device::Board* mine = board_of(args, args.port.rank);
    const std::uint64_t tag = args.channel->tag + 1;
    const bool is_rank = is_live(args.port, lane);
    const bool has_rows = is_rank && !args.per_selection && args.terms.rejected < 0;
    const std::int64_t first_row = has_rows ? args.first_rows[lane] : 0;
    if (lane == 0) entry.dispatch_failed = has_failed(args.failed);
    bool ready = __all_sync(~0U, !device::has_given_up(args.limit));
    __syncwarp();
    if (ready && blockIdx.x == 0) post_ready(args, Agreement(args.terms, entry.dispatch_failed), tag);
    if (ready && is_rank) {
      ready = device::wait_for(
          &mine->ready[lane], tag,
          {device::Operation::kCombine, device::Phase::kReady, args.port.rank, lane, blockIdx.x == 0}, args.limit);
    }
    ready = __all_sync(~0U, ready);
    __syncwarp();
    Disagreement found{device::CallState::kGaveUp, -1, -1, -1};
    if (ready) {
      const std::byte* rows = nullptr;
      if (is_rank) rows = args.port.windows[lane] + __ldcg(&mine->rows_at[lane]) + first_row * pulled_bytes(args);
      entry.rows[lane] = rows;
      found = compare_terms<8>(args.port, args.terms, entry.dispatch_failed, mine->combine_terms);
    }
    if (lane == 0) {
      entry.tag = tag;
      entry.found = found;
    }
    // Rows that a peer wrote are read by bulk copies.
    device::fence_proxy_async();
  }
  __syncthreads();
}

/// One warp, a lane a rank. Also where the ranks disagreed, because a rank is ready again once it has heard that all
/// are through with what it posted; and rows may change then.
__device__ __forceinline__ bool exchange_read(const CombineArgs& args, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x);
  if (__any_sync(~0U, device::has_given_up(args.limit))) return false;
  if (is_live(args.port, lane)) device::store_release_sys(&board_of(args, lane)->read[args.port.rank], tag);
  const bool read =
      !is_live(args.port, lane) ||
      device::wait_for(&board_of(args, args.port.rank)->read[lane], tag,
                       {device::Operation::kCombine, device::Phase::kRead, args.port.rank, lane}, args.limit);
  return __all_sync(~0U, read);
}

/// The last block.
__device__ __forceinline__ void leave(const CombineArgs& args, const CombineEntry& entry) {
  __shared__ bool all_read;
  if (threadIdx.x < 32) {
    const bool read = exchange_read(args, entry.tag);
    if (threadIdx.x == 0) {
      all_read = read;
      args.channel->tag = entry.tag;
      const Disagreement& found = entry.found;
      if (found.state != device::CallState::kDone && found.state != device::CallState::kGaveUp) {
        device::write_outcome(args.outcome,
                              {.state = found.state, .rank = found.rank, .field = found.field, .theirs = found.theirs},
                              entry.tag);
      }
    }
  }
  __syncthreads();
  if (!all_read) device::tell_peers(args.port, args.board, args.limit);
}

}  // namespace crossdock::kernels
