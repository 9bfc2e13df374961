// The gather kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/last_plain_block.cuh"
#include "kernels/gather/roles/enter.cuh"
#include "kernels/gather/roles/sum_rows.cuh"

namespace crossdock::kernels {

/// The last block, all threads.
__device__ __forceinline__ void leave(const GatherArgs& args, const GatherEntry& entry) {
  if (threadIdx.x >= 32) return;
  if (!args.weights_at_source) share_nothing(args, entry.tag);
  if (goes_to_source(args)) {
    leave_send(args, entry.tag);
  } else {
    leave_alone(args, entry.tag);
  }
}

template <DType kType>
__global__ void __launch_bounds__(kGatherThreads, 1) gather_kernel(const __grid_constant__ GatherArgs args) {
  __shared__ GatherEntry entry;
  device::wait_for_earlier_kernels();
  RowGatherer<kType> gatherer(args, entry);
  gatherer.prepare();
  if (threadIdx.x < 32) enter(args, entry);
  __syncthreads();
  if (entry.ready) gatherer.run();
  if (device::is_last_plain_block<device::Spoken::kRemoteWrites>(&args.channel->blocks_done)) leave(args, entry);
}

}  // namespace crossdock::kernels
