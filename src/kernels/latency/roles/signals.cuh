// What the ranks of a latency call tell one another: "free again", terms, "this row is here", "all is read".
#pragma once

#include "device/port/board.hpp"
#include "device/port/row_flags.hpp"
#include "device/sync/wait.cuh"
#include "kernels/live.cuh"

namespace crossdock::kernels {

/// The board of a slot in a rank's window.
__device__ __forceinline__ device::LatencyBoard& latency_board(const device::PeerPort& port, std::uint64_t offset,
                                                               int rank) {
  return *reinterpret_cast<device::LatencyBoard*>(port.windows[rank] + offset);
}

/// What this block adds for a call: the first one what the others leave.
__device__ __forceinline__ std::uint64_t steps_of_block() {
  return blockIdx.x == 0 ? device::kCallSteps - (gridDim.x - 1) : 1;
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

/// One warp, behind a fence of it: what the rank tells once a call is there.
__device__ __forceinline__ void signal_told(const device::PeerPort& port, std::uint64_t offset, std::uint64_t tag) {
  static_assert(device::kToldCopies == 32);
  const int copy = static_cast<int>(threadIdx.x % 32);
  for (int peer = 0; peer < port.num_ranks; ++peer) {
    if (is_live(port, peer)) device::store_relaxed_sys(&latency_board(port, offset, peer).told[copy][port.rank], tag);
  }
}

/// The flag of a part of a row in a rank's window.
__device__ __forceinline__ std::uint64_t* row_flag(const device::PeerPort& port, int rank, std::uint64_t flags,
                                                   std::int64_t row, int part, int parts) {
  return reinterpret_cast<std::uint64_t*>(port.windows[rank] + flags + device::flag_offset(row, part, parts));
}

/// A lane of each row that the warp wants; the others want none: flag == nullptr. True in all lanes where all are here.
__device__ __forceinline__ bool await_rows(const std::uint64_t* flag, std::uint64_t tag, const device::Awaited& awaited,
                                           const device::WaitLimit& limit) {
  const bool here = flag == nullptr || device::wait_for(flag, tag, awaited, limit);
  __syncwarp();
  return __all_sync(~0U, here);
}

/// One warp, behind a barrier of the block, a lane a rank: what the block wanted of the rank's rows has come.
__device__ __forceinline__ void signal_released(const device::PeerPort& port, std::uint64_t offset) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (!is_live(port, lane)) return;
  device::add_after_loads_sys(&latency_board(port, offset, lane).released[port.rank], steps_of_block());
}

}  // namespace crossdock::kernels
