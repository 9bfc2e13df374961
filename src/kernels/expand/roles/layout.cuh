// Where experts begin, the padding behind them, and what lies past the last row.
#pragma once

#include "base/math.hpp"
#include "device/ptx/vector.cuh"
#include "kernels/expand/expand_smem.cuh"

namespace crossdock::kernels {

/// All threads: next[e] = first row of expert e, padding[e] = padding rows before it. Every block does it for itself.
__device__ __forceinline__ void place_experts(const ExpandArgs& args, ExpandSmem& smem) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int expert = thread; expert < args.num_local_experts; expert += kExpandThreads) {
    smem.padding[expert] = args.tokens_per_expert[expert];
  }
  __syncthreads();
  if (thread < 32) {
    std::int32_t rows_before = 0;
    std::int32_t padding_before = 0;
    for (int first = 0; first < args.num_local_experts; first += 32) {
      const int expert = first + thread;
      const bool is_expert = expert < args.num_local_experts;
      const std::int32_t tokens = is_expert ? smem.padding[expert] : 0;
      const std::int32_t rows = base::round_up(tokens, args.expert_alignment);
      std::int32_t rows_end = rows;
      std::int32_t padding_end = rows - tokens;
#pragma unroll
      for (int step = 1; step < 32; step *= 2) {
        const std::int32_t rows_below = __shfl_up_sync(~0U, rows_end, step);
        const std::int32_t padding_below = __shfl_up_sync(~0U, padding_end, step);
        rows_end += thread >= step ? rows_below : 0;
        padding_end += thread >= step ? padding_below : 0;
      }
      if (is_expert) {
        smem.next[expert] = rows_before + rows_end - rows;
        smem.padding[expert] = padding_before + padding_end - (rows - tokens);
      }
      rows_before += __shfl_sync(~0U, rows_end, 31);
      padding_before += __shfl_sync(~0U, padding_end, 31);
    }
    if (thread == 0) {
      smem.layout_rows = rows_before;
      smem.padding_rows = padding_before;
    }
  }
  __syncthreads();
}

/// One block, all threads.
__device__ __forceinline__ void write_offsets(const ExpandArgs& args, const ExpandSmem& smem) {
  const int thread = static_cast<int>(threadIdx.x);
  if (args.expert_offsets != nullptr) {
    for (int expert = thread; expert < args.num_local_experts; expert += kExpandThreads) {
      args.expert_offsets[expert] = smem.next[expert];
    }
  }
  if (thread != 0) return;
  if (args.expert_offsets != nullptr) args.expert_offsets[args.num_local_experts] = smem.layout_rows;
  if (args.num_rows != nullptr) *args.num_rows = smem.layout_rows;
}

/// Row of the layout of padding row `ordinal`: the last expert with no more padding before it has that one.
__device__ __forceinline__ std::int64_t padding_row(const ExpandArgs& args, const ExpandSmem& smem,
                                                    std::int32_t ordinal) {
  int low = 0;
  int high = args.num_local_experts;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (smem.padding[middle] <= ordinal ? low : high) = middle;
  }
  const bool is_last = low + 1 == args.num_local_experts;
  const std::int32_t end = is_last ? smem.layout_rows : smem.next[low + 1];
  const std::int32_t padding_end = is_last ? smem.padding_rows : smem.padding[low + 1];
  return end - (padding_end - ordinal);
}

/// One warp.
__device__ __forceinline__ void clear_row(const ExpandArgs& args, std::int64_t row) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int vectors = args.row_bytes / static_cast<int>(sizeof(uint4));
  auto* to = reinterpret_cast<uint4*>(args.x) + row * vectors;
  for (int at = lane; at < vectors; at += 32) device::store_once(to + at, uint4{});
  if (args.scales != nullptr) {
    for (int word = lane; word < args.scale_words; word += 32) {
      args.scales[row * args.scale_strides.row + word * args.scale_strides.word] = 0;
    }
  }
  if (lane < 3) args.source[3 * row + lane] = -1;
  if (lane != 0) return;
  args.row_expert[row] = -1;
  if (args.weights != nullptr) args.weights[row] = 0;
}

/// All threads of all blocks, before next[] moves on.
__device__ __forceinline__ void write_padding(const ExpandArgs& args, const ExpandSmem& smem) {
  const int warp = static_cast<int>(blockIdx.x) * kExpandWarps + static_cast<int>(threadIdx.x / 32);
  const int warps = static_cast<int>(gridDim.x) * kExpandWarps;
  for (std::int32_t i = warp; i < smem.padding_rows; i += warps) clear_row(args, padding_row(args, smem, i));
}

/// All threads of all blocks: rows [from, capacity) belong to no expert.
__device__ __forceinline__ void clear_row_experts(const ExpandArgs& args, std::int64_t from) {
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * kExpandThreads;
  for (std::int64_t row = from + blockIdx.x * kExpandThreads + threadIdx.x; row < args.capacity; row += threads) {
    args.row_expert[row] = -1;
  }
}

/// A call that failed leaves an empty layout. All threads of all blocks.
__device__ __forceinline__ void clear_layout(const ExpandArgs& args) {
  clear_row_experts(args, 0);
  if (blockIdx.x != 0) return;
  const int thread = static_cast<int>(threadIdx.x);
  for (int i = thread; i <= args.num_local_experts; i += kExpandThreads) {
    if (args.expert_offsets != nullptr) args.expert_offsets[i] = 0;
    if (i < args.num_local_experts) args.tokens_per_expert[i] = 0;
  }
  if (thread == 0 && args.num_rows != nullptr) *args.num_rows = 0;
}

}  // namespace crossdock::kernels
