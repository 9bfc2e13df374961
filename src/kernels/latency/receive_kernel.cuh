// The kernel that receives a latency dispatch: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/arrival.cuh"
#include "kernels/latency/roles/await_rows.cuh"
#include "kernels/latency/roles/drain.cuh"
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
__device__ __forceinline__ void limit_num_tokens(const LatencyReceiveArgs& args, LatencyReceiveSmem& smem) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int32_t told = is_live(args.port, lane) ? smem.num_tokens[lane] : 0;
  const std::int32_t tokens = min(max(told, 0), args.max_tokens);
  smem.num_tokens[lane] = tokens;
  const std::int32_t most = __reduce_max_sync(~0U, tokens);
  if (lane == 0) smem.most_tokens = most;
}

/// All workers: waits for them.
__device__ __forceinline__ void read_expert_rows(const LatencyReceiveArgs& args, LatencyReceiveSmem& smem) {
  constexpr int kTogether = 2;  // loads in flight
  const std::uint64_t tag = smem.arrival.call.tag;
  const int experts = args.num_local_experts;
  const int count = experts * args.port.num_ranks;
  const std::uint64_t* told = told_of(args.port, args.latency_board, args.port.rank, tag).expert_rows;
  for (int first = static_cast<int>(threadIdx.x); first < count; first += kTogether * kWorkers) {
    std::uint64_t words[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      words[i] = device::load_peer_if(told + first + i * kWorkers, first + i * kWorkers < count);
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int at = first + i * kWorkers;
      const int source = at / experts;
      if (at >= count) continue;
      smem.rows[at] = 0;
      if (!is_live(args.port, source)) continue;
      const device::Awaited awaited{device::Operation::kDispatch, device::Phase::kRows, args.port.rank, source, false};
      if (!device::await_word({told + at, tag}, words[i], awaited, args.limit)) note_failure(smem.arrival);
      smem.rows[at] = static_cast<std::int32_t>(words[i]);
    }
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
    begin_arrival(args, smem.arrival);
  }
  __syncthreads();
  if (is_worker()) {
    read_expert_rows(args, smem);
  } else {
    await_terms(args, device::Operation::kDispatch, Agreement(args.terms), smem.arrival, smem.num_tokens);
    limit_num_tokens(args, smem);
  }
  if (!args.directly) device::wait_for_earlier_kernels();
  __syncthreads();
  if (args.alone) device::let_next_kernel_start();

  const device::CallState state = state_of(smem.arrival);
  __syncthreads();
  if (is_worker()) {
    RowReceiver receiver(args, smem.num_tokens, smem.rows, smem.arrival);
    if (state == device::CallState::kDone && !receiver.run(smem.most_tokens)) note_failure(smem.arrival);
    note_read(smem.arrival);
  } else {
    note_call(args.channel, smem.arrival.call);
    await_read(args, device::Operation::kDispatch, smem.arrival);
    leave_arrival(args, smem.arrival);
  }
  if (blockIdx.x == 0 && state == device::CallState::kDone) {
    write_counts(args, smem.num_tokens, smem.rows, smem.all_rows);
  }
  if (has_failed_by_terms(state)) drain(args, device::Operation::kDispatch, smem.arrival);
  __syncthreads();
  if (!is_worker()) clear_failed(args, state_of(smem.arrival));
  device::wait_for_earlier_kernels();
}

}  // namespace crossdock::kernels
