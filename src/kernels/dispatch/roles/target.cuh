// Where a lane's rank takes this source's rows.
#pragma once

#include "kernels/dispatch/dispatch_smem.cuh"

namespace crossdock::kernels {

/// Whether scales go with the rows, by bulk copies. Small stores beside the rows cost more than their bytes.
__device__ __forceinline__ bool scales_ride(const DispatchArgs& args) {
#if __CUDA_ARCH__ >= 900
  const std::int64_t bytes = 4 * args.scale_words;
  const auto address = reinterpret_cast<std::uintptr_t>(args.scales);
  return bytes > 0 && bytes <= kMaxRidingScales && args.scale_word_stride == 1 &&
         (bytes | 4 * args.scale_row_stride | address) % 16 == 0;
#else
  return false;
#endif
}

/// Address of this source's first row at a rank.
__device__ __forceinline__ std::byte* first_row_at(const DispatchArgs& args, const DispatchEntry& entry, int rank) {
  return args.port.windows[rank] + entry.offers[rank].x + entry.first_row[rank] * args.row_bytes;
}

__device__ __forceinline__ std::byte* first_scales_at(const DispatchArgs& args, const DispatchEntry& entry, int rank) {
  return args.port.windows[rank] + entry.offers[rank].scales + entry.first_row[rank] * args.scale_words * 4;
}

/// The slot of a token at the lane's rank; -1 where it does not go there.
__device__ __forceinline__ std::int32_t slot_of(const DispatchArgs& args, int token, int rank) {
  if (token >= args.num_tokens || rank >= args.port.num_ranks) return -1;
  return __ldg(args.slots + static_cast<std::int64_t>(token) * args.port.num_ranks + rank);
}

}  // namespace crossdock::kernels
