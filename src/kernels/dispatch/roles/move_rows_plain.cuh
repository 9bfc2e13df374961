// A warp copies whole rows with ordinary loads and stores: before sm_90, and for the own rank's rows beside the wire.
#pragma once

#include "device/copy/warp_copy.cuh"
#include "kernels/dispatch/roles/target.cuh"

namespace crossdock::kernels {

/// Tokens first, first + stride, ...; only_rank >= 0: rows to that rank alone.
__device__ __forceinline__ void move_rows_plain(const DispatchArgs& args, const DispatchEntry& entry, int first,
                                                int stride, int only_rank) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  std::byte* const target = first_row_at(args, entry, lane);
  for (int token = first; token < args.num_tokens; token += stride) {
    const std::int32_t slot = slot_of(args, token, lane);
    std::byte* const row = target + static_cast<std::int64_t>(slot) * args.row_bytes;
    const bool wanted = slot >= 0 && (only_rank < 0 || only_rank == lane);
    for (std::uint32_t left = __ballot_sync(~0U, wanted); left != 0; left &= left - 1) {
      const auto to = __shfl_sync(~0U, reinterpret_cast<std::uintptr_t>(row), __ffs(static_cast<int>(left)) - 1);
      device::warp_copy(reinterpret_cast<std::byte*>(to), args.x + static_cast<std::int64_t>(token) * args.row_bytes,
                        static_cast<std::uint32_t>(args.row_bytes));
    }
  }
}

}  // namespace crossdock::kernels
