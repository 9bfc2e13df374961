// What a receiver writes for itself: indices past the last row, counts, how the call ended.
#pragma once

#include "device/sync/write_outcome.cuh"
#include "kernels/dispatch/roles/enter.cuh"

namespace crossdock::kernels {

/// Indices of the rows [from, capacity) become -1. Thread `thread` of `threads`.
__device__ __forceinline__ void clear_idx(const DispatchArgs& args, std::int64_t from, int thread, int threads) {
  if (!args.clear_past_the_end) return;
  std::byte* const idx = args.port.windows[args.port.rank] + args.offer.idx;
  const std::int64_t end = args.offer.capacity * args.top_k;
  for (std::int64_t at = from * args.top_k + thread; at < end; at += threads) {
    if (args.recv_idx_is_64) {
      reinterpret_cast<long long*>(idx)[at] = -1;
    } else {
      reinterpret_cast<int*>(idx)[at] = -1;
    }
  }
}

/// Rows of the layout here, padding included.
__device__ __forceinline__ std::int64_t num_layout_rows(const DispatchArgs& args, const DispatchEntry& entry) {
  return args.is_contiguous ? static_cast<std::int64_t>(entry.layout_rows[args.port.rank])
                            : entry.wire_rows[args.port.rank];
}

/// One thread, as soon as all ranks have announced: the host may wait for it.
__device__ __forceinline__ void write_outcome(const DispatchArgs& args, const DispatchEntry& entry) {
  const bool done = entry.state == device::CallState::kDone;
  if (done && !args.host_waits) return;
  device::write_outcome(args.outcome,
                        {.state = entry.state,
                         .rank = entry.rank,
                         .field = entry.field,
                         .theirs = entry.theirs,
                         .num_rows = done ? num_layout_rows(args, entry) : 0,
                         .wire_rows = done ? entry.wire_rows[args.port.rank] : 0,
                         .rows_needed = entry.rows_needed,
                         .rows_taken = entry.rows_taken},
                        entry.tag);
}

/// One warp, a lane a source.
__device__ __forceinline__ void write_sources(const DispatchArgs& args, const device::Board& board) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int32_t rows = is_live(args.port, lane) ? __ldcg(&board.announcements[lane].rows_to[args.port.rank]) : 0;
  std::int32_t end = rows;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const std::int32_t below = __shfl_up_sync(~0U, end, step);
    end += lane >= step ? below : 0;
  }
  if (lane >= args.port.num_ranks) return;
  args.source_first[lane] = end - rows;
  args.source_rows[lane] = rows;
}

/// The meta warps of one block: what follows from the announcements alone.
__device__ __forceinline__ void write_counts(const DispatchArgs& args, const DispatchEntry& entry, int thread,
                                             int threads) {
  const device::Board& board = *board_of(args, args.port.rank);
  if (thread < 32) write_sources(args, board);
  const ExpertRange experts = experts_of(args.port.rank, args.num_experts, args.port.num_ranks);
  for (int i = thread; i < experts.count; i += threads) {
    args.tokens_per_expert[i] = sum_expert(args.port, board, experts.first + i);
  }
  if (thread < args.port.num_ranks) args.first_rows[thread] = static_cast<std::int32_t>(entry.first_row[thread]);
  if (thread != 0) return;
  *args.num_rows = num_layout_rows(args, entry);
  *args.failed = 0;
}

/// A call that failed leaves results that are empty, so that kernels behind it stay in bounds. Of one that its own rank
/// rejected there may be no results.
__device__ __forceinline__ void clear_results(const DispatchArgs& args) {
  if (!has_rows(args)) return;
  const int thread = static_cast<int>(threadIdx.x);
  clear_idx(args, 0, thread, static_cast<int>(blockDim.x));
  const ExpertRange experts = experts_of(args.port.rank, args.num_experts, args.port.num_ranks);
  for (int i = thread; i < experts.count; i += static_cast<int>(blockDim.x)) args.tokens_per_expert[i] = 0;
  if (thread < args.port.num_ranks) {
    args.first_rows[thread] = 0;
    args.source_first[thread] = 0;
    args.source_rows[thread] = 0;
  }
  if (thread != 0) return;
  *args.num_rows = 0;
  *args.failed = 1;
}

}  // namespace crossdock::kernels
