// Who moves which chunk.
#pragma once

#include "kernels/dispatch/dispatch_args.hpp"

namespace crossdock::kernels {

/// Chunks, one at a time, to whoever comes: SMs are not equally fast on the wire, and with equal parts all wait for the
/// slowest (docs/design/gpu-rows.md, "The dip"). A warp takes its first one without asking.
class Claims {
 public:
  __device__ Claims(const DispatchArgs& args, int warp, int warps)
      : counter_(&args.channel->claimed),
        first_(static_cast<int>(blockIdx.x) * warps + warp),
        base_(static_cast<int>(gridDim.x) * warps) {}

  /// Asks for the next one; nobody waits for the answer yet.
  __device__ void ask() {
    if (first_ < 0 && threadIdx.x % 32 == 0) answer_ = base_ + static_cast<int>(atomicAdd(counter_, 1U));
  }
  /// The one that was asked for.
  __device__ int take() {
    const int chunk = first_ >= 0 ? first_ : __shfl_sync(~0U, answer_, 0);
    first_ = -1;
    return chunk;
  }

 private:
  std::uint32_t* counter_;
  int first_;
  int base_;
  int answer_ = 0;
};

}  // namespace crossdock::kernels
