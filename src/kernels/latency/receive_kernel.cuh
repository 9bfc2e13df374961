// The kernel that receives a latency dispatch: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/arrival.cuh"
#include "kernels/latency/roles/receive_rows.cuh"
#include "kernels/latency/roles/write_counts.cuh"

namespace crossdock::kernels {

struct LatencyReceiveSmem {
  Arrival arrival;
  std::int32_t num_tokens[device::kMaxPeers];
  std::int32_t most_tokens;
  std::int32_t all_rows;
  ExpertRows rows;
};

/// The last warp, a lane a source.
__device__ __forceinline__ void read_num_tokens(const LatencyReceiveArgs& args, LatencyReceiveSmem& smem) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const std::int32_t told = is_live(args.port, lane) ? __ldcg(&mine.num_tokens[lane]) : 0;
  const std::int32_t tokens = min(max(told, 0), args.max_tokens);
  smem.num_tokens[lane] = tokens;
  const std::int32_t most = __reduce_max_sync(~0U, tokens);
  if (lane == 0) smem.most_tokens = most;
}

/// All workers.
__device__ __forceinline__ void read_expert_rows(const LatencyReceiveArgs& args, ExpertRows& rows) {
  const int experts = args.num_local_experts;
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  for (int i = static_cast<int>(threadIdx.x); i < experts * args.port.num_ranks; i += kWorkers) {
    rows[i] = is_live(args.port, i / experts) ? __ldcg(mine.expert_rows + i) : 0;
  }
}

/// The last warp, once the block is done: a call that failed has no rows. The first block has written counts, and any
/// block may have given up: of the two that ask whether this rank gave up, the later one sees the other and clears.
__device__ __forceinline__ void clear_failed(const LatencyReceiveArgs& args, device::CallState state) {
  if (blockIdx.x != 0 && state != device::CallState::kGaveUp) return;
  const bool gave_up = threadIdx.x % 32 == 0 && device::ask_given_up(args.limit);
  __syncwarp();
  if (__any_sync(~0U, gave_up) || state != device::CallState::kDone) clear_counts(args);
}

static __global__ void __launch_bounds__(kLatencyThreads, kLatencyBlocksOfSm)
    latency_receive_kernel(const __grid_constant__ LatencyReceiveArgs args) {
  __shared__ LatencyReceiveSmem smem;
  if (is_worker()) {
    touch_arguments(args);
  } else {
    await_arrival(args, device::Operation::kDispatch, smem.arrival);
  }
  if (!args.directly) device::wait_for_earlier_kernels();
  __syncthreads();
  if (args.alone) device::let_next_kernel_start();

  if (smem.arrival.all_told && is_worker()) {
    read_expert_rows(args, smem.rows);
  } else if (smem.arrival.all_told) {
    read_num_tokens(args, smem);
    compare_terms(args, smem.arrival);
  }
  __syncthreads();
  const device::CallState state = smem.arrival.found.state;
  if (is_worker()) {
    RowReceiver receiver(args, smem.num_tokens, smem.rows);
    const bool done = state != device::CallState::kDone || receiver.run(smem.most_tokens, smem.arrival.call.tag);
    if (!done) note_failure(smem.arrival);
    note_read();
  } else {
    note_call(args.channel, smem.arrival.call);
    leave_arrival(args, smem.arrival);
  }
  if (blockIdx.x == 0 && state == device::CallState::kDone) {
    write_counts(args, smem.num_tokens, smem.rows, smem.all_rows);
  }
  __syncthreads();
  if (!is_worker()) clear_failed(args, smem.arrival.found.state);
  device::wait_for_earlier_kernels();
}

}  // namespace crossdock::kernels
