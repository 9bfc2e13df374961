// The kernel that ends a latency combine: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/latency/roles/arrival.cuh"
#include "kernels/latency/roles/sum_tokens.cuh"

namespace crossdock::kernels {

template <DType kType>
__global__ void __launch_bounds__(kLatencyThreads, kLatencyBlocksOfSm)
    latency_sum_kernel(const __grid_constant__ LatencySumArgs args) {
  __shared__ Arrival arrival;
  if (!is_worker()) await_arrival(args, device::Operation::kCombine, arrival);
  device::wait_for_earlier_kernels();
  if (args.alone) device::let_next_kernel_start();

  TokenSummer<kType> summer(args);
  if (is_worker()) summer.find_first();
  __syncthreads();
  if (arrival.all_here && is_worker()) {
    summer.add_first();
  } else if (arrival.all_here) {
    compare_terms(args, arrival);
  }
  __syncthreads();
  if (is_worker() && arrival.found.state == device::CallState::kDone) summer.run();
  if (!is_worker()) note_call(args.channel, arrival.call);
  leave_arrival(args, arrival);
}

}  // namespace crossdock::kernels
