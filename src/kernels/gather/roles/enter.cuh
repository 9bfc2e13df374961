// Before a gather writes: areas are empty again, and weights given at combine may be read.
#pragma once

#include "device/sync/wait.cuh"
#include "kernels/agree.cuh"
#include "kernels/gather/gather_args.hpp"
#include "kernels/gather/gather_smem.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

__device__ __forceinline__ bool goes_to_source(const GatherArgs& args) {
  return args.target == GatherArgs::Target::kSource;
}

/// The words of the weights' handshake in a rank's window. Each channel has its own, because tags of two channels
/// cannot be compared.
struct SharedWords {
  std::uint64_t (&shared)[device::kMaxPeers];
  std::uint64_t (&weights_at)[device::kMaxPeers];
};

__device__ __forceinline__ SharedWords shared_words(const GatherArgs& args, int rank, std::uint64_t tag) {
  if (goes_to_source(args)) {
    device::LatencyBoard& board = latency_board(args.port, args.latency_board, rank);
    return {board.shared, board.weights_at[device::turn_of(tag)]};
  }
  auto& board = *reinterpret_cast<device::Board*>(args.port.windows[rank] + args.board);
  return {board.shared, board.weights_at};
}

/// One warp, a lane a rank.
__device__ __forceinline__ void share_weights(const GatherArgs& args, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (!is_live(args.port, lane)) return;
  const auto* own = reinterpret_cast<const std::byte*>(args.topk_weights);
  const SharedWords theirs = shared_words(args, lane, tag);
  theirs.weights_at[args.port.rank] =
      own != nullptr ? static_cast<std::uint64_t>(own - args.port.windows[args.port.rank]) : 0;
  device::store_release_sys(&theirs.shared[args.port.rank], tag);
}

/// The same for a rank without weights. A peer waits for it where ranks disagree: it shall find that out
/// from the terms, not at its deadline.
__device__ __forceinline__ void share_nothing(const GatherArgs& args, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (is_live(args.port, lane)) device::store_relaxed_sys(&shared_words(args, lane, tag).shared[args.port.rank], tag);
}

/// One warp, a lane a source.
__device__ __forceinline__ bool await_weights(const GatherArgs& args, GatherEntry& entry, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const SharedWords mine = shared_words(args, args.port.rank, tag);
  if (!await_all(mine.shared, tag, args.port, device::Operation::kCombine, device::Phase::kShared, args.limit)) {
    return false;
  }
  if (is_live(args.port, lane)) {
    const std::uint64_t offset = device::load_relaxed_sys(&mine.weights_at[lane]);
    entry.weights[lane] = reinterpret_cast<const float*>(args.port.windows[lane] + offset);
  }
  return true;
}

/// The last warp, before the kernels before this one have ended: waits until areas are empty again.
__device__ __forceinline__ void await_areas(const GatherArgs& args, GatherEntry& entry) {
  const LatencyCall call = begin_call(args.channel);
  bool ready = true;
  if (goes_to_source(args)) {
    const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
    ready = await_all(mine.released, call.tag - 1, args.port, device::Operation::kCombine, device::Phase::kRelease,
                      args.limit);
  } else {
    ready = !__any_sync(~0U, device::has_given_up(args.limit));
  }
  if (threadIdx.x % 32 == 0) {
    entry.call = call;
    entry.ready = ready;
  }
  __syncwarp();
}

/// The same warp, once those kernels have. Offsets of weights take turns like areas.
__device__ __forceinline__ void share(const GatherArgs& args, GatherEntry& entry) {
  const std::uint64_t tag = entry.call.tag;
  bool ready = entry.ready;
  if (ready && blockIdx.x == 0) {
    if (goes_to_source(args)) {
      post_terms(args.port, args.latency_board, Agreement(args.terms, has_failed(args.failed)), 0, tag);
    }
    if (args.weights_at_source) {
      share_weights(args, tag);
    } else {
      share_nothing(args, tag);
    }
  }
  if (ready && args.weights_at_source && args.terms.rejected < 0) ready = await_weights(args, entry, tag);
  __syncwarp();
  if (threadIdx.x % 32 == 0) entry.ready = ready;
}

}  // namespace crossdock::kernels
