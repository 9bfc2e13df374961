// The plain combine kernel: all types and trees, ordinary loads.
#pragma once

#include <cstddef>

#include "device/ptx/grid.cuh"
#include "device/sync/last_plain_block.cuh"
#include "kernels/combine/roles/collect_weights.cuh"
#include "kernels/combine/roles/handshake.cuh"
#include "kernels/combine/roles/sum_any.cuh"

namespace crossdock::kernels {

inline constexpr int kCombineAnyThreads = 512;

template <int kElementBytes>
__global__ void __launch_bounds__(kCombineAnyThreads, 1) combine_any_kernel(const __grid_constant__ CombineArgs args) {
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& entry = *reinterpret_cast<CombineEntry*>(dynamic);
  device::wait_for_earlier_kernels();

  enter(args, entry);
  if (entry.found.state == device::CallState::kDone) {
    if (args.topk_weights != nullptr) collect_weights(args, entry);
    sum_any<kElementBytes>(args, entry);
  }
  if (device::is_last_plain_block(&args.channel->blocks_done)) leave(args, entry);
}

}  // namespace crossdock::kernels
