// kPadded: how many rows each expert has of each source, and where they begin.
#pragma once

#include "kernels/expand/expand_smem.cuh"
#include "kernels/expand/roles/count.cuh"

namespace crossdock::kernels {

/// Blocks that only count, so that the others need not: the last ones. The only block of a grid does both.
__device__ __forceinline__ int num_counting_blocks(int num_ranks) {
  constexpr int kCopyingBlocks = 8;  // for each that counts
  const int blocks = static_cast<int>(gridDim.x);
  return blocks == 1 ? 0 : min(num_ranks, max(1, blocks / kCopyingBlocks));
}

/// One block, all threads: the column of one source, which the experts' sums follow from where it is the last one.
__device__ __forceinline__ void write_source(const ExpandArgs& args, int source, ExpandSmem& smem) {
  const int thread = static_cast<int>(threadIdx.x);
  __syncthreads();
  for (int expert = thread; expert < args.num_local_experts; expert += kExpandThreads) {
    smem.next[expert] = 0;
    smem.beside[expert] = 0;
  }
  if (thread == 0) smem.all_rows = 0;
  __syncthreads();
  count_rows(args, smem.sources, smem.sources.begin[source] + smem.sources.rows[source], smem.next, source, smem.beside,
             thread / 32, kExpandWarps);
  __syncthreads();
  const bool is_last = source == args.num_ranks - 1;
  for (int expert = thread; expert < args.num_local_experts; expert += kExpandThreads) {
    const std::int32_t begin = smem.next[expert];
    const std::int32_t count = smem.beside[expert];
    args.source_begin[expert * args.num_ranks + source] = begin;
    args.source_count[expert * args.num_ranks + source] = count;
    if (!is_last) continue;
    args.tokens_per_expert[expert] = begin + count;
    atomicAdd(&smem.all_rows, begin + count);
  }
  if (!is_last || args.num_rows == nullptr) return;
  __syncthreads();
  if (thread == 0) *args.num_rows = smem.all_rows;
}

/// Sources first, first + stride, ...
__device__ __forceinline__ void write_sources(const ExpandArgs& args, int first, int stride, ExpandSmem& smem) {
  for (int source = first; source < args.num_ranks; source += stride) write_source(args, source, smem);
}

/// A call that failed leaves no rows. One block, all threads; a rejected call may have no outputs.
__device__ __forceinline__ void clear_padded(const ExpandArgs& args) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i < args.num_local_experts * args.num_ranks; i += kExpandThreads) {
    if (args.source_begin != nullptr) args.source_begin[i] = 0;
    if (args.source_count != nullptr) args.source_count[i] = 0;
    if (i < args.num_local_experts && args.tokens_per_expert != nullptr) args.tokens_per_expert[i] = 0;
  }
  if (thread == 0 && args.num_rows != nullptr) *args.num_rows = 0;
}

}  // namespace crossdock::kernels
