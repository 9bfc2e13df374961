// The expand kernel: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/expand/roles/expand_rows.cuh"

namespace crossdock::kernels {

/// One thread's view; words that the dispatch before this kernel wrote.
__device__ __forceinline__ bool is_failed(const ExpandArgs& args) {
  return (args.gave_up != nullptr && __ldcg(args.gave_up) != 0) || (args.failed != nullptr && __ldcg(args.failed) != 0);
}

static __global__ void __launch_bounds__(kExpandThreads, 1) expand_kernel(const __grid_constant__ ExpandArgs args) {
  __shared__ ExpandSmem smem;
  __shared__ bool failed;
  device::wait_for_earlier_kernels();
  if (threadIdx.x < 32) {
    const int lane = static_cast<int>(threadIdx.x);
    const bool is_rank = lane < args.num_ranks;
    const std::int32_t first = is_rank ? args.arrived.first_row[lane] : 0;
    const std::int32_t rows = is_rank ? args.arrived.num_rows[lane] : 0;
    if (lane == 0) failed = is_failed(args);
    number_sources(first, rows, smem.sources);
  }
  __syncthreads();
  if (!failed) {
    RowExpander(args, smem).run();
  } else {
    clear_layout(args);
  }
}

}  // namespace crossdock::kernels
