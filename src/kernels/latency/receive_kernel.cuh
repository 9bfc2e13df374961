// The kernel that receives a latency dispatch: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/last_plain_block.cuh"
#include "kernels/expand/roles/expand_rows.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/latency_smem.cuh"

namespace crossdock::kernels {

/// The first warp, a lane a source: which rows of the area came. A call that failed has none.
__device__ __forceinline__ void number_area(const LatencyReceiveArgs& args, LatencyReceiveSmem& smem) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  __syncwarp();
  if (smem.entry.found.state != device::CallState::kDone) return;
  const std::int32_t first = lane < args.port.num_ranks ? lane * args.max_tokens : 0;
  const std::int32_t rows = min(max(smem.entry.num_tokens[lane], 0), args.max_tokens);
  number_sources(first, rows, smem.expand.sources);
  if (blockIdx.x != 0 || lane >= args.port.num_ranks) return;
  args.first_row[lane] = first;
  args.num_rows[lane] = rows;
}

/// The last block, all threads.
__device__ __forceinline__ void leave(const LatencyReceiveArgs& args, LatencyReceiveSmem& smem) {
  const int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) smem.gave_up = device::has_given_up(args.limit);
  __syncthreads();
  const bool done = !smem.gave_up && smem.entry.found.state == device::CallState::kDone;
  leave_receive(args, smem.entry, smem.gave_up);
  if (done) return;
  clear_padded(args.expand);
  if (thread >= args.port.num_ranks) return;
  if (args.first_row != nullptr) args.first_row[thread] = 0;
  if (args.num_rows != nullptr) args.num_rows[thread] = 0;
}

static __global__ void __launch_bounds__(kExpandThreads, 1)
    latency_receive_kernel(const __grid_constant__ LatencyReceiveArgs args) {
  __shared__ LatencyReceiveSmem smem;
  device::wait_for_earlier_kernels();
  if (threadIdx.x < 32) {
    enter_receive(args, device::Operation::kDispatch, smem.entry);
    number_area(args, smem);
  }
  __syncthreads();
  if (smem.entry.found.state == device::CallState::kDone) {
    RowExpander<ExpertOrder::kPadded>(args.expand, args.kept_weights, smem.expand).run();
  }
  if (device::is_last_plain_block<device::Spoken::kReads>(&args.channel->blocks_done)) leave(args, smem);
}

}  // namespace crossdock::kernels
