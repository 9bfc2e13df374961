// What a latency dispatch returns beside rows: how many each expert has of each source, and where they begin.
#pragma once

#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/receive_rows.cuh"

namespace crossdock::kernels {

/// One block, all threads. `all_rows`: shared memory.
__device__ __forceinline__ void write_counts(const LatencyReceiveArgs& args, const std::int32_t* num_tokens,
                                             const ExpertRows& rows, std::int32_t& all_rows) {
  const PaddedRows& out = args.out;
  const int thread = static_cast<int>(threadIdx.x);
  const int num_ranks = args.port.num_ranks;
  if (thread == 0) all_rows = 0;
  __syncthreads();
  for (int expert = thread; expert < args.num_local_experts; expert += kLatencyThreads) {
    std::int32_t begin = 0;
    for (int source = 0; source < num_ranks; ++source) {
      const std::int32_t count = rows[source * args.num_local_experts + expert];
      out.source_begin[expert * num_ranks + source] = begin;
      out.source_count[expert * num_ranks + source] = count;
      begin += count;
    }
    out.tokens_per_expert[expert] = begin;
    atomicAdd(&all_rows, begin);
  }
  if (thread < num_ranks) {
    args.first_row[thread] = thread * args.max_tokens;
    args.num_rows[thread] = num_tokens[thread];
  }
  __syncthreads();
  if (thread != 0) return;
  if (out.num_rows != nullptr) *out.num_rows = all_rows;
  *args.failed = 0;
}

/// One warp. A rejected call may have no outputs.
__device__ __forceinline__ void clear_counts(const LatencyReceiveArgs& args) {
  const PaddedRows& out = args.out;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = lane; i < args.num_local_experts * args.port.num_ranks; i += 32) {
    if (out.source_begin != nullptr) out.source_begin[i] = 0;
    if (out.source_count != nullptr) out.source_count[i] = 0;
    if (i < args.num_local_experts && out.tokens_per_expert != nullptr) out.tokens_per_expert[i] = 0;
  }
  if (lane < args.port.num_ranks) {
    if (args.first_row != nullptr) args.first_row[lane] = 0;
    if (args.num_rows != nullptr) args.num_rows[lane] = 0;
  }
  if (lane == 0 && out.num_rows != nullptr) *out.num_rows = 0;
  if (lane == 0 && args.failed != nullptr) *args.failed = 1;
}

}  // namespace crossdock::kernels
