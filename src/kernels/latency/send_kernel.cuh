// The kernel that sends a latency dispatch: who does what, nothing else.
#pragma once

#include "device/ptx/barrier.cuh"
#include "device/ptx/grid.cuh"
#include "kernels/latency/roles/call.cuh"
#include "kernels/latency/roles/count_tokens.cuh"
#include "kernels/latency/roles/send_row.cuh"
#include "kernels/latency/roles/send_selections.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

struct LatencySendSmem {
  LatencyCall call;
  bool ready;
  std::int32_t rows[device::kMaxExperts];  ///< of each expert, among the tokens that the block has counted
};

/// A rank that rejected its call sends nothing but that.
__device__ __forceinline__ int num_sent_tokens(const LatencySendArgs& args) {
  return args.terms.rejected < 0 ? args.num_tokens : 0;
}

/// The last warp: waits until the areas are free again.
__device__ __forceinline__ void enter_send(const LatencySendArgs& args, LatencySendSmem& smem) {
  const LatencyCall call = begin_call(args.channel);
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const bool ready = await_all(mine.released, device::steps_of(call.tag - 1), args.port, device::Operation::kDispatch,
                               device::Phase::kRelease, args.limit);
  if (threadIdx.x % 32 != 0) return;
  smem.call = call;
  smem.ready = ready;
}

/// All workers.
__device__ __forceinline__ void clear_rows(const LatencySendArgs& args, LatencySendSmem& smem) {
  for (int i = static_cast<int>(threadIdx.x); i < args.num_experts; i += kWorkers) smem.rows[i] = 0;
  device::barrier_sync(1, kWorkers);
}

/// One warp, behind a barrier of the block: its tokens are at all ranks, and where it has told them what is told once,
/// that.
__device__ __forceinline__ void signal_sent(const LatencySendArgs& args, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int first = static_cast<int>(blockIdx.x);
  const int stride = static_cast<int>(gridDim.x);
  const int num_tokens = num_sent_tokens(args);
  device::fence_sys();
  for (int token = first; token < num_tokens && is_live(args.port, lane); token += stride) {
    const std::int64_t row = static_cast<std::int64_t>(args.port.rank) * args.max_tokens + token;
    device::store_relaxed_sys(row_flag(args.port, lane, args.flags, row, 0, 1), tag);
  }
  if (num_tokens % stride == first) signal_told(args.port, args.latency_board, tag);
}

/// All threads, at the end of a block.
__device__ __forceinline__ void leave_send(const LatencySendArgs& args, const LatencySendSmem& smem) {
  __syncthreads();
  if (!is_worker()) note_call(args.channel, smem.call);
  if (threadIdx.x >= 32) return;
  if (smem.ready) {
    signal_sent(args, smem.call.tag);
  } else {
    device::tell_peers(args.port, args.board, args.limit);
  }
}

/// A block a token, all of its loads before the first wait; behind the tokens one block for what is told once.
template <typename RowSender>
__global__ void __launch_bounds__(kLatencyThreads, kLatencyBlocksOfSm)
    latency_send_kernel(const __grid_constant__ LatencySendArgs args) {
  __shared__ LatencySendSmem smem;
  const int warp = static_cast<int>(threadIdx.x / 32);
  const bool speaks = warp == kWorkerWarps - 1;
  const int num_tokens = num_sent_tokens(args);
  const int stride = static_cast<int>(gridDim.x);
  if (is_worker()) {
    touch_arguments(args);
    clear_rows(args, smem);
  } else {
    enter_send(args, smem);
  }
  device::wait_for_earlier_kernels();
  if (args.alone) device::let_next_kernel_start();

  RowSender row(args);
  int counted = 0;
  for (int token = static_cast<int>(blockIdx.x); token <= num_tokens; token += stride) {
    const bool is_token = token < num_tokens;
    SentSelections selections{-1, 0};
    if (is_worker() && is_token) {
      row.load(token, 0);
    }
    TokenCounter counter(args, counted, is_worker() ? min(token + 1, num_tokens) : 0);
    if (is_worker() && is_token) selections = read_selections(args, token, speaks);
    const SelectionSender beside(args, token, speaks && is_token);
    counter.run(smem.rows);
    counted = token + 1;
    __syncthreads();
    if (!smem.ready) break;
    if (!is_worker()) {
      if (!is_token) post_terms(args.port, args.latency_board, args.terms, num_tokens);
    } else if (is_token) {
      if (speaks) beside.send(selections, smem.rows);
      for (int pass = 0; pass < row.num_passes(); ++pass) {
        if (pass > 0) row.load(token, pass);
        row.send(token, pass, selections.ranks);
      }
    } else {
      post_counts(args, smem.rows);
    }
    __syncthreads();
  }

  leave_send(args, smem);
}

}  // namespace crossdock::kernels
