// The gather kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/gather/roles/enter.cuh"
#include "kernels/gather/roles/sum_rows.cuh"

namespace crossdock::kernels {

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
  if (works) {
    gatherer.run(entry.ready);
  } else {
    note_call(args.channel, entry.call);
    if (!entry.ready) device::tell_peers(args.port, args.board, args.limit);
  }
}

}  // namespace crossdock::kernels
