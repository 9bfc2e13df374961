// The start and the end of a latency call's second half, dispatch's receive and combine's sum alike.
#pragma once

#include "device/port/terms.hpp"
#include "device/sync/write_outcome.cuh"
#include "kernels/agree.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// What a block knows once all live ranks' rows have arrived.
struct LatencyEntry {
  std::uint64_t tag;
  Disagreement found;  ///< kGaveUp: not all arrived
  std::int32_t num_tokens[device::kMaxPeers];
};

/// One warp: the terms of all live ranks, beside those of this rank.
__device__ __forceinline__ Disagreement compare_terms(const device::PeerPort& port, const device::LatencyBoard& board,
                                                      const device::Terms& own) {
  constexpr int kTogether = 4;  // loads in flight
  Agreement agreement(own);
  for (int first = 0; first < port.num_ranks; first += kTogether) {
    std::int32_t words[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i)
      words[i] = is_live(port, first + i) ? agreement.load(board.terms[first + i]) : 0;
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (is_live(port, first + i)) agreement.look(first + i, words[i]);
    }
  }
  return agreement.result();
}

/// One warp.
template <typename Args>
__device__ __forceinline__ void enter_receive(const Args& args, device::Operation operation, LatencyEntry& entry) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::uint64_t tag = device::load_relaxed_sys(&args.channel->tag) + 1;
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const bool all_here = await_all(mine.arrived, tag, args.port, operation, device::Phase::kRows, args.limit);
  Disagreement found{.state = device::CallState::kGaveUp};
  if (all_here) {
    const std::int32_t tokens = is_live(args.port, lane) ? __ldcg(&mine.num_tokens[lane]) : 0;
    found = compare_terms(args.port, mine, args.terms);
    entry.num_tokens[lane] = tokens;
  }
  if (lane != 0) return;
  entry.tag = tag;
  entry.found = found;
}

/// The last block, all threads; `gave_up` is the same in all.
template <typename Args>
__device__ __forceinline__ void leave_receive(const Args& args, const LatencyEntry& entry, bool gave_up) {
  if (gave_up) {
    device::tell_peers(args.port, args.board, args.limit);
  } else {
    signal_released(args.port, args.latency_board, entry.tag);
  }
  if (threadIdx.x == 0) args.channel->tag = entry.tag;
  if (threadIdx.x != 32 || gave_up || entry.found.state == device::CallState::kDone) return;
  const Disagreement& found = entry.found;
  device::write_outcome(args.outcome,
                        {.state = found.state, .rank = found.rank, .field = found.field, .theirs = found.theirs},
                        entry.tag);
}

}  // namespace crossdock::kernels
