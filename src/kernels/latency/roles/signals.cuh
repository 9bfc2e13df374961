// What the ranks of a latency call tell one another: "free again", terms, "all is here", "all is read".
#pragma once

#include "device/port/board.hpp"
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

/// The first warp of the last block, a lane a rank: rows and terms of all blocks are at the rank.
__device__ __forceinline__ void signal_arrived(const device::PeerPort& port, std::uint64_t offset, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x);
  if (!is_live(port, lane)) return;
  device::store_release_sys(&latency_board(port, offset, lane).arrived[port.rank], tag);
}

/// The first warp of the last block, a lane a rank: no block reads the rank's rows any more.
__device__ __forceinline__ void signal_released(const device::PeerPort& port, std::uint64_t offset, std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x);
  if (!is_live(port, lane)) return;
  device::store_release_sys(&latency_board(port, offset, lane).released[port.rank], tag);
}

/// The first warp of the last block of a call that has no word for its peers, unless it gave up.
template <typename Args>
__device__ __forceinline__ void leave_alone(const Args& args, std::uint64_t tag) {
  if (__any_sync(~0U, device::has_given_up(args.limit))) device::tell_peers(args.port, args.board, args.limit);
  if (threadIdx.x == 0) args.channel->tag = tag;
}

/// The first warp of the last block of a send: says that all is there, or that this rank gave up.
template <typename Args>
__device__ __forceinline__ void leave_send(const Args& args, std::uint64_t tag) {
  if (!__any_sync(~0U, device::has_given_up(args.limit))) signal_arrived(args.port, args.latency_board, tag);
  leave_alone(args, tag);
}

}  // namespace crossdock::kernels
