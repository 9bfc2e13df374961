// What the ranks of a latency call tell one another: terms, "done with the call before", "all of mine has come".
#pragma once

#include "device/port/board.hpp"
#include "device/sync/tagged.cuh"
#include "kernels/agree.cuh"
#include "kernels/live.cuh"

namespace crossdock::kernels {

/// The board of a slot in a rank's window.
__device__ __forceinline__ device::LatencyBoard& latency_board(const device::PeerPort& port, std::uint64_t offset,
                                                               int rank) {
  return *reinterpret_cast<device::LatencyBoard*>(port.windows[rank] + offset);
}

/// What a source tells its receivers of a call: in a rank's window.
__device__ __forceinline__ device::LatencyTold& told_of(const device::PeerPort& port, std::uint64_t offset, int rank,
                                                        std::uint64_t tag) {
  return latency_board(port, offset, rank).told[device::turn_of(tag)];
}

/// A warp, a lane a rank: waits until one word of each live rank is at least `value`. True in all lanes where all are.
__device__ __forceinline__ bool await_all(const std::uint64_t (&words)[device::kMaxPeers], std::uint64_t value,
                                          const device::PeerPort& port, device::Operation operation,
                                          device::Phase phase, const device::WaitLimit& limit) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  // Asked for beside the wait, not before it.
  bool here = !device::has_given_up(limit);
  if (is_live(port, lane)) {
    const device::Awaited awaited{operation, phase, port.rank, lane, blockIdx.x == 0};
    here = device::wait_for(&words[lane], value, awaited, limit) && here;
  }
  return __all_sync(~0U, here);
}

/// A warp: to all live ranks.
__device__ __forceinline__ void post_terms(const device::PeerPort& port, std::uint64_t offset,
                                           const Agreement& agreement, int num_tokens, std::uint64_t tag) {
  static_assert(device::kToldWords <= 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (lane >= device::kToldWords) return;
  const bool is_term = lane < device::kTermWords;
  const std::int32_t word = is_term ? agreement.own() : num_tokens;
  for (int peer = 0; peer < port.num_ranks; ++peer) {
    if (!is_live(port, peer)) continue;
    device::store_relaxed_sys(&told_of(port, offset, peer, tag).words[port.rank][lane],
                              device::tagged(tag, static_cast<std::uint32_t>(word)));
  }
}

/// One warp, a lane a rank: `word` of the live ones' boards; what it says is true since kernels before this one have
/// ended.
__device__ __forceinline__ void signal_all(const device::PeerPort& port, std::uint64_t offset,
                                           std::uint64_t (device::LatencyBoard::*word)[device::kMaxPeers],
                                           std::uint64_t tag) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (!is_live(port, lane)) return;
  device::store_after_kernels_sys(&(latency_board(port, offset, lane).*word)[port.rank], tag);
}

/// A rank's area for the turn of a call; parts of it are at the offsets of LatencyArea.
__device__ __forceinline__ std::byte* area_at(const device::PeerPort& port, int rank, const device::LatencyArea& area,
                                              std::uint64_t tag) {
  return port.windows[rank] + (device::turn_of(tag) == 0 ? 0 : area.turn_bytes);
}

}  // namespace crossdock::kernels
