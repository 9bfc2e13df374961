// A row warp without bulk copies, before sm_90: whole rows by ordinary loads and stores.
#pragma once

#include "device/copy/warp_copy.cuh"
#include "kernels/dispatch/roles/target.cuh"

namespace crossdock::kernels {

/// The same three steps as RowMover.
template <DispatchVariant V>
class PlainRowMover {
 public:
  __device__ PlainRowMover(const DispatchArgs& args, const DispatchSmem<V>& smem)
      : args_(args), entry_(smem.entry), lane_(static_cast<int>(threadIdx.x % 32)) {}

  __device__ void prepare() {}
  __device__ void abandon() {}

  __device__ void run() {
    const int stride = static_cast<int>(gridDim.x) * V.row_warps;
    const int first = static_cast<int>(blockIdx.x) * V.row_warps + static_cast<int>(threadIdx.x / 32);
    std::byte* const target = lane_ < args_.port.num_ranks ? first_row_at(args_, entry_, lane_) : nullptr;
    for (int token = first; token < args_.num_tokens; token += stride) {
      const std::int32_t slot = slot_of(args_, token, lane_);
      copy_row(token, slot >= 0, target + static_cast<std::int64_t>(slot) * args_.row_bytes);
    }
  }

 private:
  /// A lane a destination.
  __device__ void copy_row(int token, bool wanted, std::byte* target) const {
    const std::byte* row = args_.x + static_cast<std::int64_t>(token) * args_.row_bytes;
    for (std::uint32_t left = __ballot_sync(~0U, wanted); left != 0; left &= left - 1) {
      const auto to = __shfl_sync(~0U, reinterpret_cast<std::uintptr_t>(target), __ffs(static_cast<int>(left)) - 1);
      device::warp_copy(reinterpret_cast<std::byte*>(to), row, static_cast<std::uint32_t>(args_.row_bytes));
    }
  }

  const DispatchArgs& args_;
  const DispatchEntry& entry_;
  int lane_;
};

}  // namespace crossdock::kernels
