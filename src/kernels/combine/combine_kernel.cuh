// The combine kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/last_plain_block.cuh"
#include "kernels/combine/combine_smem.cuh"
#include "kernels/combine/roles/collect_weights.cuh"
#include "kernels/combine/roles/handshake.cuh"
#include "kernels/combine/roles/pull.cuh"
#include "kernels/combine/roles/pull_plain.cuh"

namespace crossdock::kernels {

template <typename Shape>
__global__ void __launch_bounds__(Shape::kVariant.threads(), 1)
    combine_kernel(const __grid_constant__ CombineArgs args) {
  constexpr auto V = Shape::kVariant;
  static_assert(is_valid(V));
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<CombineSmem<V>*>(dynamic);
  device::wait_for_earlier_kernels();

#if __CUDA_ARCH__ >= 900
  Puller<V> puller(args, smem);
#endif
  enter(args, smem.entry);
  if (smem.entry.found.state == device::CallState::kDone) {
    if (args.topk_weights != nullptr) collect_weights(args, smem.entry);
    if (smem.entry.dispatch_failed) {
      store_biases<V>(args);
    } else {
#if __CUDA_ARCH__ >= 900
      puller.run(smem.entry);
#else
      pull_plain<V>(args, smem.entry);
#endif
    }
  }
  if (device::is_last_plain_block(&args.channel->blocks_done)) leave(args, smem.entry);
}

}  // namespace crossdock::kernels
