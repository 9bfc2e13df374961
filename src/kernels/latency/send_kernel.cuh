// The kernel that sends a latency dispatch: who does what, nothing else.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/last_plain_block.cuh"
#include "kernels/latency/roles/send_row.cuh"
#include "kernels/latency/roles/send_selections.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// A rank that rejected its call sends nothing but that.
__device__ __forceinline__ int num_sent_tokens(const LatencySendArgs& args) {
  return args.terms.rejected < 0 ? args.num_tokens : 0;
}

/// The first warp: waits until the areas are free again.
__device__ __forceinline__ void enter(const LatencySendArgs& args, LatencySendSmem& smem) {
  const std::uint64_t tag = device::load_relaxed_sys(&args.channel->tag) + 1;
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const bool ready =
      await_all(mine.released, tag - 1, args.port, device::Operation::kDispatch, device::Phase::kRelease, args.limit);
  if (ready && blockIdx.x == 0) post_terms(args.port, args.latency_board, args.terms, num_sent_tokens(args));
  if (threadIdx.x != 0) return;
  smem.tag = tag;
  smem.ready = ready;
}

/// A block a token, all of its loads before the first wait.
template <typename RowSender>
__global__ void __launch_bounds__(kSendThreads, 1) latency_send_kernel(const __grid_constant__ LatencySendArgs args) {
  __shared__ LatencySendSmem smem;
  const int last_warp = kSendThreads / 32 - 1;
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int num_tokens = num_sent_tokens(args);
  const int stride = static_cast<int>(gridDim.x);
  device::wait_for_earlier_kernels();

  // A block without tokens may have to speak for the rank.
  int token = static_cast<int>(blockIdx.x);
  RowSender row(args, smem);
  if (token < num_tokens) row.load(token, 0);
  if (token >= num_tokens && warp == 0) enter(args, smem);
  for (bool first = true; token < num_tokens; token += stride, first = false) {
    const SentSelections selections = read_selections(args, token, warp == last_warp);
    if (!first) row.load(token, 0);
    SelectionSender beside(args, token);
    if (first && warp == 0) enter(args, smem);
    __syncthreads();
    if (!smem.ready) break;
    for (int pass = 0; pass < row.num_passes(); ++pass) {
      if (pass > 0) row.load(token, pass);
      row.send(token, pass, selections.ranks);
    }
    if (warp == last_warp) beside.send(selections);
  }

  if (device::is_last_plain_block<device::Spoken::kRemoteWrites>(&args.channel->blocks_done)) {
    if (warp == 0) leave_send(args, smem.tag);
  }
}

}  // namespace crossdock::kernels
