// The weights that arrived with rows go back: each (token, k) from the one rank that holds it.
#pragma once

#include "kernels/combine/roles/handshake.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// All threads of all blocks, a thread a (token, k).
__device__ __forceinline__ void collect_weights(const CombineArgs& args, const CombineEntry& entry) {
  const device::Board& board = *board_of(args, args.port.rank);
  const std::int64_t count = static_cast<std::int64_t>(args.num_tokens) * args.top_k;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; at < count; at += stride) {
    const std::int32_t expert = entry.dispatch_failed ? -1 : args.selections[at];
    float weight = 0;
    if (expert >= 0) {
      const int rank = rank_of(expert, args.num_experts, args.port.num_ranks);
      const std::int64_t row = args.first_rows[rank] + args.slots[at / args.top_k * args.port.num_ranks + rank];
      const auto* weights =
          reinterpret_cast<const float*>(args.port.windows[rank] + __ldcg(&board.recv_weights_at[rank]));
      weight = __ldcg(weights + row * args.top_k + at % args.top_k);
    }
    args.topk_weights[at] = weight;
  }
}

}  // namespace crossdock::kernels
