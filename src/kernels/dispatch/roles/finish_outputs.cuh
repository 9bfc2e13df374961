// What a receiver writes for itself: indices past the last row, selections an expert, how the call ended.
#pragma once

#include "kernels/dispatch/roles/enter.cuh"

namespace crossdock::kernels {

/// Indices of the rows [from, capacity) become -1. Thread `thread` of `threads`.
__device__ __forceinline__ void clear_idx(const DispatchArgs& args, std::int64_t from, int thread, int threads) {
  std::byte* const idx = args.port.windows[args.port.rank] + args.offer.idx;
  const std::int64_t end = args.offer.capacity * args.top_k;
  for (std::int64_t at = from * args.top_k + thread; at < end; at += threads) {
    if (args.idx_is_64) {
      reinterpret_cast<long long*>(idx)[at] = -1;
    } else {
      reinterpret_cast<int*>(idx)[at] = -1;
    }
  }
}

/// The last block's meta warps: what follows from the announcements alone.
__device__ __forceinline__ void write_counts(const DispatchArgs& args, const DispatchEntry& entry, int thread,
                                             int threads) {
  const device::Board& board = *board_of(args, args.port.rank);
  const ExpertRange experts = experts_of(args.port.rank, args.num_experts, args.port.num_ranks);
  for (int expert = thread; expert < experts.count; expert += threads) {
    std::int32_t sum = 0;
    for (int source = 0; source < args.port.num_ranks; ++source) {
      sum += __ldcg(&board.announcements[source].expert_rows[expert]);
    }
    args.tokens_per_expert[expert] = sum;
  }
  if (thread < args.port.num_ranks) args.first_rows[thread] = static_cast<std::int32_t>(entry.first_row[thread]);
}

/// A call that failed leaves results that are empty, so that kernels behind it stay in bounds.
__device__ __forceinline__ void clear_results(const DispatchArgs& args) {
  const int thread = static_cast<int>(threadIdx.x);
  clear_idx(args, 0, thread, static_cast<int>(blockDim.x));
  const ExpertRange experts = experts_of(args.port.rank, args.num_experts, args.port.num_ranks);
  for (int i = thread; i < experts.count; i += static_cast<int>(blockDim.x)) args.tokens_per_expert[i] = 0;
  if (thread < args.port.num_ranks) args.first_rows[thread] = 0;
}

/// The block that ends last: tells all that this rank's rows have arrived, waits for theirs, and says how it ended.
__device__ __forceinline__ void leave(const DispatchArgs& args, const DispatchEntry& entry) {
  __shared__ bool complete;
  if (threadIdx.x == 0) *args.claimed = 0;
  const int lane = static_cast<int>(threadIdx.x);
  if (threadIdx.x < 32) {
    bool arrived = entry.state == DispatchState::kDone && !device::has_given_up(args.limit);
    if (arrived && lane < args.port.num_ranks) {
      device::store_release_sys(&board_of(args, lane)->arrived[args.port.rank], args.tag);
      arrived =
          device::wait_for(&board_of(args, args.port.rank)->arrived[lane], args.tag,
                           {device::Operation::kDispatch, device::Phase::kArrive, args.port.rank, lane}, args.limit);
    }
    complete = __all_sync(~0U, arrived);
  }
  __syncthreads();
  if (!complete) clear_results(args);
  if (lane != 0) return;
  const bool refused = entry.state == DispatchState::kCapacityExceeded;
  *args.outcome = {.state = complete  ? DispatchState::kDone
                            : refused ? entry.state
                                      : DispatchState::kGaveUp,
                   .refusing_rank = refused ? entry.refusing_rank : -1,
                   .num_rows = complete ? entry.num_rows : 0,
                   .rows_needed = refused ? entry.rows_needed : 0};
}

}  // namespace crossdock::kernels
