// The kernel that ends a latency combine: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/latency/roles/arrival.cuh"
#include "kernels/latency/roles/await_rows.cuh"
#include "kernels/latency/roles/drain.cuh"
#include "kernels/latency/roles/sum_tokens.cuh"

namespace crossdock::kernels {

/// The last warp.
__device__ __forceinline__ void speak(const LatencySumArgs& args, Arrival& arrival) {
  begin_arrival(args, arrival);
  await_terms(args, device::Operation::kCombine, Agreement(args.terms, has_failed(args.failed)), arrival, nullptr);
  if (!args.directly) device::wait_for_earlier_kernels();
  if (args.alone) device::let_next_kernel_start();
  meet_block();
  note_call(args.channel, arrival.call);
  await_read(args, device::Operation::kCombine, arrival);
  leave_arrival(args, arrival);
}

template <DType kType>
__global__ void __launch_bounds__(kLatencyThreads, kLatencyBlocksOfSm)
    latency_sum_kernel(const __grid_constant__ LatencySumArgs args) {
  extern __shared__ __align__(128) std::byte dynamic[];
  auto& smem = *reinterpret_cast<typename TokenSummer<kType>::Smem*>(dynamic);
  __shared__ Arrival arrival;
  if (is_worker()) {
    touch_arguments(args);
    if (!TokenSummer<kType>(args, smem).run(arrival)) note_failure(arrival);
    note_read(arrival);
  } else {
    speak(args, arrival);
  }
  __syncthreads();
  if (has_failed_by_terms(state_of(arrival))) drain(args, device::Operation::kCombine, arrival);
  device::wait_for_earlier_kernels();
}

}  // namespace crossdock::kernels
