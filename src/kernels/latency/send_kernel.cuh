// The kernel that sends a latency dispatch: who does what, nothing else.
#pragma once

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
  std::uint32_t looks_empty;               ///< not 0: something that the block has sent does
  std::int32_t rows[device::kMaxExperts];  ///< of each expert, among the tokens that the block has counted
};

/// A rank that rejected its call sends nothing but that.
__device__ __forceinline__ int num_sent_tokens(const LatencySendArgs& args) {
  return args.terms.rejected < 0 ? args.num_tokens : 0;
}

/// Tokens that the block has counted before it comes to this one.
__device__ __forceinline__ int counted_before(int token) { return max(token - static_cast<int>(gridDim.x) + 1, 0); }

/// The last warp: waits until the areas are empty again.
__device__ __forceinline__ void enter_send(const LatencySendArgs& args, LatencySendSmem& smem) {
  const LatencyCall call = begin_call(args.channel);
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const bool ready = await_all(mine.released, call.tag - 1, args.port, device::Operation::kDispatch,
                               device::Phase::kRelease, args.limit);
  if (threadIdx.x % 32 == 0) {
    smem.call = call;
    smem.ready = ready;
    smem.looks_empty = 0;
  }
  __syncwarp();
  tell_ready();
}

/// One warp, a lane a rank: the tokens of the block are at all ranks, whatever they look like.
__device__ __forceinline__ void set_marks(const LatencySendArgs& args, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  device::fence_sys();
  if (!is_live(args.port, lane)) return;
  auto* marks = reinterpret_cast<std::uint64_t*>(area_at(args.port, lane, args.area, tag) + args.area.marks);
  marks += static_cast<std::int64_t>(args.port.rank) * args.max_tokens;
  for (int token = static_cast<int>(blockIdx.x); token < num_sent_tokens(args); token += static_cast<int>(gridDim.x)) {
    device::store_relaxed_sys(marks + token, tag);
  }
}

/// All threads, at the end of a block.
__device__ __forceinline__ void leave_send(const LatencySendArgs& args, const LatencySendSmem& smem) {
  __syncthreads();
  if (threadIdx.x >= 32) return;
  if (!smem.ready) {
    device::tell_peers(args.port, args.board, args.limit);
  } else if (smem.looks_empty != 0) {
    set_marks(args, smem.call.tag);
  }
}

/// All workers, a token: the count of tokens up to this one, which the last warp waits for, then its row, straight from
/// registers. What a block stores first waits until areas are empty. False where this rank gave up.
template <typename RowSender>
__device__ __forceinline__ bool work_on(const LatencySendArgs& args, int token, LatencySendSmem& smem) {
  const bool is_first = token == static_cast<int>(blockIdx.x);
  RowSender row(args);
  row.load(token, 0);
  TokenCounter counter(args, counted_before(token), token + 1);
  const std::uint32_t ranks = read_selections(args, token, false).ranks;
  if (!is_first) await_numbers_read();
  counter.run(smem.rows);
  tell_counted();
  row.prepare(0);
  if (is_first && !await_ready(smem.ready)) return false;
  for (int pass = 0; pass < row.num_passes(); ++pass) {
    if (pass > 0) {
      row.load(token, pass);
      row.prepare(pass);
    }
    if (row.send(token, pass, ranks, smem.call.tag)) atomicExch(&smem.looks_empty, 1U);
  }
  return true;
}

/// All workers of the block that tells what is told once, after its tokens.
__device__ __forceinline__ void work_on_counts(const LatencySendArgs& args, int num_tokens, LatencySendSmem& smem) {
  const bool is_first = num_tokens == static_cast<int>(blockIdx.x);
  TokenCounter counter(args, counted_before(num_tokens), num_tokens);
  if (!is_first) await_numbers_read();
  counter.run(smem.rows);
  if (is_first && !await_ready(smem.ready)) return;
  post_counts(args, smem.rows, smem.call.tag);
}

/// All workers.
template <typename RowSender>
__device__ __forceinline__ void work(const LatencySendArgs& args, LatencySendSmem& smem) {
  const int num_tokens = num_sent_tokens(args);
  int token = static_cast<int>(blockIdx.x);
  for (; token < num_tokens; token += static_cast<int>(gridDim.x)) {
    if (!work_on<RowSender>(args, token, smem)) return;
  }
  if (token == num_tokens) work_on_counts(args, num_tokens, smem);
}

/// The last warp: what goes beside the rows.
__device__ __forceinline__ void speak(const LatencySendArgs& args, LatencySendSmem& smem) {
  const int num_tokens = num_sent_tokens(args);
  const int stride = static_cast<int>(gridDim.x);
  for (int token = static_cast<int>(blockIdx.x); token <= num_tokens && smem.ready; token += stride) {
    if (token == num_tokens) {
      post_terms(args.port, args.latency_board, Agreement(args.terms), num_tokens, smem.call.tag);
      break;
    }
    const SentSelections selections = read_selections(args, token, true);
    const SelectionSender beside(args, token, selections);
    await_counted();
    const int ordinal = selections.expert >= 0 ? smem.rows[selections.expert] - 1 : 0;
    if (token + stride <= num_tokens) tell_numbers_read();
    if (beside.send(ordinal, smem.call.tag)) atomicExch(&smem.looks_empty, 1U);
  }
  note_call(args.channel, smem.call);
}

/// A block a token, all of its loads before the first wait; behind the tokens one block for what is told once.
template <typename RowSender>
__global__ void __launch_bounds__(kLatencyThreads, kLatencyBlocksOfSm)
    latency_send_kernel(const __grid_constant__ LatencySendArgs args) {
  __shared__ LatencySendSmem smem;
  if (is_worker()) {
    touch_arguments(args);
    clear_rows(args, smem.rows);
  } else {
    enter_send(args, smem);
  }
  device::wait_for_earlier_kernels();
  if (args.alone) device::let_next_kernel_start();
  if (is_worker()) {
    work<RowSender>(args, smem);
  } else {
    speak(args, smem);
  }
  leave_send(args, smem);
}

}  // namespace crossdock::kernels
