// A row warp copies whole rows with ordinary loads and stores: before sm_90.
#pragma once

#include "device/copy/warp_copy.cuh"
#include "kernels/dispatch/roles/target.cuh"

namespace crossdock::kernels {

template <DispatchVariant V>
__device__ __forceinline__ void move_rows_plain(const DispatchArgs& args, const DispatchEntry& entry) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int stride = static_cast<int>(gridDim.x) * V.row_warps;
  std::byte* const target = lane < args.port.num_ranks ? first_row_at(args, entry, lane) : nullptr;
  for (int token = static_cast<int>(blockIdx.x) * V.row_warps + static_cast<int>(threadIdx.x / 32); token < args.num_tokens;
       token += stride) {
    const std::int32_t slot = slot_of(args, token, lane);
    std::byte* const row = target + static_cast<std::int64_t>(slot) * args.row_bytes;
    for (std::uint32_t left = __ballot_sync(~0U, slot >= 0); left != 0; left &= left - 1) {
      const auto to = __shfl_sync(~0U, reinterpret_cast<std::uintptr_t>(row), __ffs(static_cast<int>(left)) - 1);
      device::warp_copy(reinterpret_cast<std::byte*>(to), args.x + static_cast<std::int64_t>(token) * args.row_bytes,
                        static_cast<std::uint32_t>(args.row_bytes));
    }
  }
}

}  // namespace crossdock::kernels
