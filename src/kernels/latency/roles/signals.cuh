// What the ranks of a latency call tell one another: "free again", terms, "all is here", "all is read".
#pragma once

#include "device/port/board.hpp"
#include "device/sync/last_plain_block.cuh"
#include "device/sync/wait.cuh"
#include "kernels/live.cuh"

namespace crossdock::kernels {

/// The board of a slot in a rank's window.
__device__ __forceinline__ device::LatencyBoard& latency_board(const device::PeerPort& port, std::uint64_t offset,
                                                               int rank) {
  return *reinterpret_cast<device::LatencyBoard*>(port.windows[rank] + offset);
}

/// A warp, a lane a rank: waits for one word of each live rank. True in all lanes where all came.
__device__ __forceinline__ bool await_all(const std::uint64_t (&words)[device::kMaxPeers], std::uint64_t tag,
                                          const device::PeerPort& port, device::Operation operation,
                                          device::Phase phase, const device::WaitLimit& limit) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  // Asked for beside the wait, not before it.
  bool here = !device::has_given_up(limit);
  if (is_live(port, lane)) {
    const device::Awaited awaited{operation, phase, port.rank, lane, blockIdx.x == 0};
    here = device::wait_for(&words[lane], tag, awaited, limit) && here;
  }
  return __all_sync(~0U, here);
}

/// A warp: to all live ranks. The signal comes later.
__device__ __forceinline__ void post_terms(const device::PeerPort& port, std::uint64_t offset,
                                           const device::Terms& terms, int num_tokens) {
  constexpr int kWords = sizeof(device::Terms) / sizeof(std::int32_t);
  static_assert(kWords < 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int32_t word = lane < kWords ? reinterpret_cast<const std::int32_t*>(&terms)[lane] : num_tokens;
  for (int peer = 0; peer < port.num_ranks; ++peer) {
    if (!is_live(port, peer)) continue;
    device::LatencyBoard& theirs = latency_board(port, offset, peer);
    if (lane < kWords) reinterpret_cast<std::int32_t*>(&theirs.terms[port.rank])[lane] = word;
    if (lane == kWords) theirs.num_tokens[port.rank] = word;
  }
}

/// The thread that ended the last block: rows and terms of all blocks are at the ranks.
__device__ __forceinline__ void signal_arrived(const device::PeerPort& port, std::uint64_t offset, std::uint64_t tag) {
  for (int rank = 0; rank < port.num_ranks; ++rank) {
    if (is_live(port, rank)) device::store_relaxed_sys(&latency_board(port, offset, rank).arrived[port.rank], tag);
  }
}

/// The same: no block reads the ranks' rows any more.
__device__ __forceinline__ void signal_released(const device::PeerPort& port, std::uint64_t offset, std::uint64_t tag) {
  for (int rank = 0; rank < port.num_ranks; ++rank) {
    if (is_live(port, rank)) device::store_relaxed_sys(&latency_board(port, offset, rank).released[port.rank], tag);
  }
}

/// All threads, at the end of a send: the last block says that all is there, or that this rank gave up.
template <typename Args>
__device__ __forceinline__ void leave_send(const Args& args, std::uint64_t tag, bool ready, bool signals) {
  __shared__ device::Ended ended;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  if (threadIdx.x == 0) {
    ended = device::end_block<device::Spoken::kRemoteWrites>(&args.channel->blocks_done, !ready);
    if (ended == device::Ended::kLast && signals) signal_arrived(args.port, args.latency_board, tag);
    if (ended != device::Ended::kNotLast) args.channel->tag = tag;
  }
  __syncwarp();
  if (ended == device::Ended::kLastOfFailed) device::tell_peers(args.port, args.board, args.limit);
}

}  // namespace crossdock::kernels
