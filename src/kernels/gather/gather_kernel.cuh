// The gather kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/gather/roles/enter.cuh"
#include "kernels/gather/roles/sum_rows.cuh"

namespace crossdock::kernels {

/// All threads, at the end of a block. Rows in the own window are the next kernel's.
__device__ __forceinline__ void leave(const GatherArgs& args, const GatherEntry& entry) {
  __syncthreads();
  if (threadIdx.x >= 32) return;
  if (!entry.ready) {
    device::tell_peers(args.port, args.board, args.limit);
  } else if (goes_to_source(args)) {
    device::fence_sys();
    const int lane = static_cast<int>(threadIdx.x);
    set_flags(entry.stored[lane / kStoredParts], lane % kStoredParts, entry.call.tag);
  }
}

/// The last warp, while the others work.
__device__ __forceinline__ void speak(const GatherArgs& args, const GatherEntry& entry) {
  if (blockIdx.x == 0 && entry.ready && goes_to_source(args)) {
    device::fence_sys();
    signal_told(args.port, args.latency_board, entry.call.tag);
  }
  note_call(args.channel, entry.call);
}

template <DType kType, int kWarps>
__global__ void __launch_bounds__(gather_threads(kWarps), kWarps == kWorkerWarps ? kLatencyBlocksOfSm : 1)
    gather_kernel(const __grid_constant__ GatherArgs args) {
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<GatherSmem<kType, kWarps>*>(dynamic);
  GatherEntry& entry = smem.entry;
  const bool works = threadIdx.x < kWarps * 32;
  if (works) {
    touch_arguments(args);
  } else {
    await_areas(args, entry);
  }
  device::wait_for_earlier_kernels();
  if (args.alone) device::let_next_kernel_start();
  RowGatherer<kType, kWarps> gatherer(args, smem);
  if (works) {
    gatherer.prepare();
  } else {
    share(args, entry);
  }
  __syncthreads();
  if (!works) {
    speak(args, entry);
  } else {
    gatherer.run(entry.ready);
  }
  leave(args, entry);
}

}  // namespace crossdock::kernels
