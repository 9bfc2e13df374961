// A thread a token, a block kRoutingTokens of them. Blocks wait only for those with an earlier ticket.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/tagged.cuh"
#include "kernels/placement.cuh"
#include "kernels/routing/routing_args.hpp"

namespace crossdock::kernels {

struct RoutingSmem {
  std::int32_t expert_rows[kMaxExperts];
  std::int32_t warp_rows[kRoutingTokens / 32][device::kMaxPeers];  ///< rows of a warp, then of all warps before it
  std::int32_t first_row[device::kMaxPeers];                       ///< rows of all blocks before this one
  int block;
};

/// The first index out of range is reported; all of them count as none.
__device__ __forceinline__ void report_index(const RoutingArgs& args, long long index) {
  if (args.limit.index_report == nullptr || atomicExch(args.scratch.bad_index, 1U) != 0) return;
  device::write_report(args.limit.index_report,
                       {device::Operation::kRouting, device::Phase::kIndex, args.rank, args.rank},
                       static_cast<std::uint64_t>(args.num_experts), static_cast<std::uint64_t>(index));
}

/// Ranks that the token goes to, a bit each; counts its selections.
__device__ __forceinline__ std::uint32_t ranks_of_token(const RoutingArgs& args, int token, RoutingSmem& smem) {
  constexpr int kTogether = 8;  // loads in flight
  const long long row = static_cast<long long>(token) * args.top_k;
  std::uint32_t ranks = 0;
  long long outside = -1;  // the first index that is out of range
  for (int first = 0; first < args.top_k; first += kTogether) {
    long long indices[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      indices[i] = first + i < args.top_k ? index_at(args.topk_idx, args.idx_is_64, row + first + i) : -1;
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const bool exists = indices[i] >= 0 && indices[i] < args.num_experts;
      if (!exists && outside == -1) outside = indices[i];
      const int expert = exists ? static_cast<int>(indices[i]) : 0;
      const int rank = rank_of(expert, args.num_experts, args.num_ranks);
      const bool counts = exists && (args.live >> rank & 1U) != 0;
      if (counts) {
        atomicAdd(&smem.expert_rows[expert], 1);
        ranks |= 1U << rank;
      }
      if (args.selections != nullptr && first + i < args.top_k) {
        args.selections[row + first + i] = counts ? expert : -1;
      }
    }
  }
  if (outside != -1) report_index(args, outside);
  return ranks;
}

/// Turns the rows of each warp into those of all warps before it; returns the block's rows.
__device__ __forceinline__ std::int32_t scan_warps(RoutingSmem& smem, int rank) {
  std::int32_t sum = 0;
  for (auto& rows : smem.warp_rows) {
    const std::int32_t own = rows[rank];
    rows[rank] = sum;
    sum += own;
  }
  return sum;
}

/// What an earlier block has counted; 0 where the wait for it gave up.
__device__ __forceinline__ std::int32_t count_of_block(const RoutingArgs& args, std::uint64_t tag,
                                                       const std::uint64_t* word, std::uint64_t loaded) {
  const device::Awaited awaited{device::Operation::kRouting, device::Phase::kBlocks, args.rank, args.rank, false};
  return static_cast<std::int32_t>(device::await_value({word, tag}, loaded, awaited, args.limit));
}

/// A warp: publishes this block's rows for the rank, then adds those of the blocks before it, a lane a block.
__device__ __forceinline__ std::int32_t scan_blocks(const RoutingArgs& args, std::uint64_t tag, int block, int rank,
                                                    std::int32_t rows) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  std::uint64_t* const words = args.scratch.block_rows + rank;
  if (lane == 0) {
    device::store_relaxed_sys(words + block * device::kMaxPeers, device::tagged(tag, static_cast<std::uint32_t>(rows)));
  }
  std::int32_t sum = 0;
  for (int earlier = lane; earlier < block; earlier += 32) {
    const std::uint64_t* word = words + earlier * device::kMaxPeers;
    sum += count_of_block(args, tag, word, device::load_relaxed_sys(word));
  }
  return __reduce_add_sync(~0U, sum);
}

/// Each warp numbers the rows of some ranks.
__device__ __forceinline__ void number_rows(const RoutingArgs& args, std::uint64_t tag, RoutingSmem& smem, bool last) {
  for (int rank = static_cast<int>(threadIdx.x / 32); rank < args.num_ranks; rank += kRoutingTokens / 32) {
    std::int32_t rows = 0;
    if (threadIdx.x % 32 == 0) rows = scan_warps(smem, rank);
    const std::int32_t first = scan_blocks(args, tag, smem.block, rank, rows);
    if (threadIdx.x % 32 != 0) continue;
    smem.first_row[rank] = first;
    if (last) args.rank_rows[rank] = first + rows;
  }
}

/// For the last block.
__device__ __forceinline__ void publish_experts(const RoutingArgs& args, std::uint64_t tag, const RoutingSmem& smem) {
  std::uint64_t* const words = args.scratch.block_experts + smem.block * kMaxExperts;
  for (int expert = static_cast<int>(threadIdx.x); expert < args.num_experts; expert += kRoutingTokens) {
    const auto selections = static_cast<std::uint32_t>(smem.expert_rows[expert]);
    device::store_relaxed_sys(words + expert, device::tagged(tag, selections));
  }
}

/// The last block adds the selections of all others.
__device__ __forceinline__ void sum_experts(const RoutingArgs& args, std::uint64_t tag, const RoutingSmem& smem,
                                            int last) {
  constexpr int kTogether = 16;  // loads in flight
  for (int expert = static_cast<int>(threadIdx.x); expert < args.num_experts; expert += kRoutingTokens) {
    std::int32_t sum = smem.expert_rows[expert];
    for (int first = 0; first < last; first += kTogether) {
      const std::uint64_t* const words = args.scratch.block_experts + first * kMaxExperts + expert;
      std::uint64_t loaded[kTogether];
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        loaded[i] = first + i < last ? device::load_relaxed_sys(words + i * kMaxExperts) : 0;
      }
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (first + i < last) sum += count_of_block(args, tag, words + i * kMaxExperts, loaded[i]);
      }
    }
    args.expert_rows[expert] = sum;
  }
}

__device__ __forceinline__ void write_slots(const RoutingArgs& args, const RoutingSmem& smem, int token,
                                            std::uint32_t ranks) {
  const unsigned lane = threadIdx.x % 32;
  for (int rank = 0; rank < args.num_ranks; ++rank) {
    const bool goes = (ranks >> rank & 1U) != 0;
    const std::uint32_t before = __ballot_sync(~0U, goes) & ((1U << lane) - 1);
    if (token >= args.num_tokens) continue;
    const std::int32_t row = smem.first_row[rank] + smem.warp_rows[threadIdx.x / 32][rank] + __popc(before);
    args.slots[static_cast<long long>(token) * args.num_ranks + rank] = goes ? row : -1;
  }
}

// The 1 keeps nvcc 13.0 from spilling: without it it takes 40 registers.
static __global__ void __launch_bounds__(kRoutingTokens, 1) routing_kernel(const __grid_constant__ RoutingArgs args) {
  __shared__ RoutingSmem smem;
  device::wait_for_earlier_kernels();
  device::let_next_kernel_start();
  const std::uint64_t tag = args.channel->tag + 1;
  const int num_blocks = static_cast<int>(gridDim.x);
  for (int expert = static_cast<int>(threadIdx.x); expert < args.num_experts; expert += kRoutingTokens) {
    smem.expert_rows[expert] = 0;
  }
  if (threadIdx.x == 0) {
    smem.block = static_cast<int>(atomicAdd(args.scratch.ticket, 1U));
    if (smem.block == num_blocks - 1) *args.scratch.ticket = 0;
  }
  __syncthreads();

  // Count
  const int block = smem.block;
  const int token = block * kRoutingTokens + static_cast<int>(threadIdx.x);
  const std::uint32_t ranks = token < args.num_tokens ? ranks_of_token(args, token, smem) : 0;
  for (int rank = 0; rank < args.num_ranks; ++rank) {
    const std::uint32_t goes = __ballot_sync(~0U, (ranks >> rank & 1U) != 0);
    if (threadIdx.x % 32 == 0) smem.warp_rows[threadIdx.x / 32][rank] = __popc(goes);
  }
  __syncthreads();

  // Number
  const bool last = block == num_blocks - 1;
  if (!last) publish_experts(args, tag, smem);
  number_rows(args, tag, smem, last);
  __syncthreads();
  write_slots(args, smem, token, ranks);
  if (last) sum_experts(args, tag, smem, block);
}

}  // namespace crossdock::kernels
