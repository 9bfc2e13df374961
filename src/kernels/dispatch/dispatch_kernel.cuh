// The dispatch kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/dispatch/roles/enter.cuh"
#include "kernels/dispatch/roles/leave.cuh"
#include "kernels/dispatch/roles/move_meta.cuh"
#include "kernels/dispatch/roles/move_rows.cuh"
#include "kernels/dispatch/roles/move_rows_plain.cuh"

namespace crossdock::kernels {

#if __CUDA_ARCH__ >= 900
template <DispatchVariant V>
using Mover = RowMover<V>;
#else
template <DispatchVariant V>
using Mover = PlainRowMover<V>;
#endif

/// The meta warps' part once all ranks have announced.
template <DispatchVariant V>
__device__ __forceinline__ void move_beside(const DispatchArgs& args, const DispatchEntry& entry, int warp) {
  constexpr int kThreads = V.meta_warps * 32;
  const int block = static_cast<int>(blockIdx.x);
  const int blocks = static_cast<int>(gridDim.x);
  const int thread = warp * 32 + static_cast<int>(threadIdx.x % 32);
  MetaMover(args, entry).run(block * V.meta_warps + warp, blocks * V.meta_warps);
  clear_idx(args, entry.wire_rows[args.port.rank], block * kThreads + thread, blocks * kThreads);
  if (entry.started_last) write_counts(args, entry, thread, kThreads);
}

template <typename Shape>
__global__ void __launch_bounds__(Shape::kVariant.threads(), 1)
    dispatch_kernel(const __grid_constant__ DispatchArgs args) {
  constexpr auto V = Shape::kVariant;
  static_assert(is_valid(V));
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<DispatchSmem<V>*>(dynamic);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const bool moves_rows = warp < V.row_warps;
  device::wait_for_earlier_kernels();

  // Start: rows are loaded while the announcements fly.
  Mover<V> mover(args, smem);
  if (moves_rows) {
    mover.prepare();
  } else {
    enter(args, smem.entry, warp - V.row_warps, V.meta_warps);
  }
  __syncthreads();
  if (args.is_contiguous && smem.entry.state == device::CallState::kDone) sum_layouts(args, smem.entry);
  if (blockIdx.x == 0 && threadIdx.x == blockDim.x - 1) write_outcome(args, smem.entry);

  // Move
  if (smem.entry.state != device::CallState::kDone) {
    if (moves_rows) mover.abandon();
  } else if (moves_rows) {
    mover.run();
  } else {
    move_beside<V>(args, smem.entry, warp - V.row_warps);
  }

  // End
  signal_arrived(args, smem.entry);
  if (smem.entry.started_last) leave(args, smem.entry);
}

}  // namespace crossdock::kernels
