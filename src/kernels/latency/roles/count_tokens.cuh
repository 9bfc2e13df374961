// Rows of each expert, which a rank tells once.
#pragma once

#include "device/ptx/barrier.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/chosen_again.cuh"
#include "kernels/latency/roles/signals.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// All workers.
__device__ __forceinline__ void clear_rows(const LatencySendArgs& args, std::int32_t* rows) {
  for (int i = static_cast<int>(threadIdx.x); i < args.num_experts; i += kWorkers) rows[i] = 0;
}

/// All workers: rows of each expert of all ranks among the tokens, added to `rows`. A repeated expert counts once a
/// token.
__device__ __forceinline__ void count_tokens(const LatencySendArgs& args, int num_tokens, std::int32_t* rows) {
  constexpr int kTogether = 4;  // loads in flight
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int tokens_of_warp = 32 / args.top_k;
  const int token_of_lane = lane / args.top_k;
  const int k = lane - token_of_lane * args.top_k;
  const int stride = kWorkerWarps * tokens_of_warp;
  device::barrier_sync(1, kWorkers);  // rows are cleared
  for (int first = warp * tokens_of_warp; first < num_tokens; first += kTogether * stride) {
    int experts[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int token = first + i * stride + token_of_lane;
      const bool exists = token_of_lane < tokens_of_warp && token < num_tokens;
      const long long at = static_cast<long long>(token) * args.top_k + k;
      experts[i] = exists ? expert_at(args.topk_idx, args.idx_is_64, at, args.num_experts) : -1;
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const bool again = is_chosen_again(experts[i], k, args.top_k);
      if (experts[i] >= 0 && !again) atomicAdd(rows + experts[i], 1);
    }
  }
  device::barrier_sync(1, kWorkers);
}

/// All workers of one block: the counts of all tokens to the experts' ranks.
__device__ __forceinline__ void post_counts(const LatencySendArgs& args, const std::int32_t* rows) {
  for (int expert = static_cast<int>(threadIdx.x); expert < args.num_experts; expert += kWorkers) {
    const int holder = rank_of(expert, args.num_experts, args.port.num_ranks);
    if (!is_live(args.port, holder)) continue;
    const ExpertRange experts = experts_of(holder, args.num_experts, args.port.num_ranks);
    device::LatencyBoard& theirs = latency_board(args.port, args.latency_board, holder);
    theirs.expert_rows[args.port.rank * experts.count + expert - experts.first] = rows[expert];
  }
}

}  // namespace crossdock::kernels
