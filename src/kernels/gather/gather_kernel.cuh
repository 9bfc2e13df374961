// The gather kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/gather/roles/enter.cuh"
#include "kernels/gather/roles/sum_rows.cuh"

namespace crossdock::kernels {

/// The last warp waits and speaks, the others work.
template <DType kType>
__global__ void __maxnreg__(kGatherRegisters) gather_kernel(const __grid_constant__ GatherArgs args) {
  __shared__ GatherEntry entry;
  const bool works = threadIdx.x < kGatherWarps * 32;
  if (!works) await_areas(args, entry);
  device::wait_for_earlier_kernels();
  // Beside the next kernel's blocks there is no room for those of a dispatch. A peer's gather may wait for this rank's
  // weights, which may have to wait for a dispatch.
  if (args.alone && !args.weights_at_source) device::let_next_kernel_start();
  if (works) {
    RowGatherer<kType> gatherer(args, entry);
    gatherer.prepare();
    __syncthreads();
    if (entry.ready) gatherer.run();
  } else {
    share(args, entry);
    __syncthreads();
  }
  leave_send(args, entry.tag, entry.ready, goes_to_source(args));
}

}  // namespace crossdock::kernels
