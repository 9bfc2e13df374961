// The dispatch kernel: who does what, nothing else.
#pragma once

#include "device/sync/last_block.cuh"
#include "kernels/dispatch/roles/enter.cuh"
#include "kernels/dispatch/roles/finish_outputs.cuh"
#include "kernels/dispatch/roles/move_meta.cuh"
#include "kernels/dispatch/roles/move_rows.cuh"
#include "kernels/dispatch/roles/move_rows_plain.cuh"

namespace crossdock::kernels {

template <DispatchVariant V>
__device__ __forceinline__ void move_rows(const DispatchArgs& args, DispatchSmem<V>& smem) {
#if __CUDA_ARCH__ >= 900
  RowMover<V>(args, smem).run();
#else
  const int warp = static_cast<int>(blockIdx.x) * V.row_warps + static_cast<int>(threadIdx.x / 32);
  move_rows_plain(args, smem.entry, warp, static_cast<int>(gridDim.x) * V.row_warps, -1);
#endif
}

template <DispatchVariant V>
__device__ __forceinline__ void move_beside(const DispatchArgs& args, const DispatchEntry& entry) {
  const int warp = static_cast<int>(blockIdx.x) * V.meta_warps + static_cast<int>(threadIdx.x / 32) - V.row_warps;
  const int warps = static_cast<int>(gridDim.x) * V.meta_warps;
  MetaMover(args, entry).run(warp, warps);
#if __CUDA_ARCH__ >= 900
  if constexpr (V.own_beside) move_rows_plain(args, entry, warp, warps, args.port.rank);
#endif
  clear_idx(args, entry.num_rows, warp * 32 + static_cast<int>(threadIdx.x % 32), warps * 32);
}

template <typename Shape>
__global__ void __launch_bounds__(Shape::kVariant.threads(), 1) dispatch_kernel(const __grid_constant__ DispatchArgs args) {
  constexpr auto V = Shape::kVariant;
  static_assert(is_valid(V));
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<DispatchSmem<V>*>(dynamic);

  enter(args, smem.entry);
  if (smem.entry.state == DispatchState::kDone) {
    if (static_cast<int>(threadIdx.x) < 32 * V.row_warps) {
      move_rows<V>(args, smem);
    } else {
      move_beside<V>(args, smem.entry);
    }
  }
  if (device::is_last_block(args.blocks_done)) leave(args, smem.entry);
}

}  // namespace crossdock::kernels
