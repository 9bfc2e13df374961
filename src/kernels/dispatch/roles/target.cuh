// Where a lane's rank takes this source's rows.
#pragma once

#include "kernels/dispatch/dispatch_smem.cuh"

namespace crossdock::kernels {

/// Address of this source's first row at the rank; nullptr for a lane without a rank.
__device__ __forceinline__ std::byte* first_row_at(const DispatchArgs& args, const DispatchEntry& entry, int rank) {
  if (rank >= args.port.num_ranks) return nullptr;
  return args.port.windows[rank] + entry.offers[rank].x + entry.first_row[rank] * args.row_bytes;
}

/// The slot of a token at the lane's rank, or -1.
__device__ __forceinline__ std::int32_t slot_of(const DispatchArgs& args, int token, int rank) {
  if (token >= args.num_tokens || rank >= args.port.num_ranks) return -1;
  return __ldg(args.slots + static_cast<std::int64_t>(token) * args.port.num_ranks + rank);
}

}  // namespace crossdock::kernels
