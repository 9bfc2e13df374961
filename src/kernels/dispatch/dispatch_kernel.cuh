// The dispatch kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/last_block.cuh"
#include "kernels/dispatch/roles/enter.cuh"
#include "kernels/dispatch/roles/finish_outputs.cuh"
#include "kernels/dispatch/roles/move_meta.cuh"
#include "kernels/dispatch/roles/move_rows.cuh"
#include "kernels/dispatch/roles/move_rows_plain.cuh"

namespace crossdock::kernels {

template <DispatchVariant V>
__device__ __forceinline__ void row_warp(const DispatchArgs& args, DispatchSmem<V>& smem) {
#if __CUDA_ARCH__ >= 900
  RowMover<V> mover(args, smem);
  mover.prepare();
  __syncthreads();
  if (smem.entry.state == DispatchState::kDone) {
    mover.run();
  } else {
    mover.abandon();
  }
#else
  __syncthreads();
  if (smem.entry.state == DispatchState::kDone) move_rows_plain<V>(args, smem.entry);
#endif
}

template <DispatchVariant V>
__device__ __forceinline__ void meta_warp(const DispatchArgs& args, DispatchSmem<V>& smem) {
  const int warp = static_cast<int>(threadIdx.x / 32) - V.row_warps;
  enter(args, smem.entry, warp, V.meta_warps);
  __syncthreads();
  if (smem.entry.state != DispatchState::kDone) return;

  const int block = static_cast<int>(blockIdx.x);
  const int blocks = static_cast<int>(gridDim.x);
  MetaMover(args, smem.entry).run(block * V.meta_warps + warp, blocks * V.meta_warps);
  const int thread = warp * 32 + static_cast<int>(threadIdx.x % 32);
  constexpr int kThreads = V.meta_warps * 32;
  clear_idx(args, smem.entry.num_rows, block * kThreads + thread, blocks * kThreads);
  if (block == blocks - 1) write_counts(args, smem.entry, thread, kThreads);
}

template <typename Shape>
__global__ void __launch_bounds__(Shape::kVariant.threads(), 1) dispatch_kernel(const __grid_constant__ DispatchArgs args) {
  constexpr auto V = Shape::kVariant;
  static_assert(is_valid(V));
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<DispatchSmem<V>*>(dynamic);
  device::wait_for_earlier_kernels();

  if (static_cast<int>(threadIdx.x) < 32 * V.row_warps) {
    row_warp<V>(args, smem);
  } else {
    meta_warp<V>(args, smem);
  }
  if (device::is_last_block(args.blocks_done)) leave(args, smem.entry);
}

}  // namespace crossdock::kernels
