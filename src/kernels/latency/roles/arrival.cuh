// The start and the end of a latency call's second half, dispatch's receive and combine's sum alike.
#pragma once

#include "device/port/terms.hpp"
#include "device/sync/write_outcome.cuh"
#include "kernels/agree.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// What a block knows of the call.
struct Arrival {
  std::uint64_t tag;
  bool all_here;       ///< false: this rank gave up
  Disagreement found;  ///< where all are here
};

/// One warp, before the kernels before this one have ended: what comes from peers does not depend on them.
template <typename Args>
__device__ __forceinline__ void await_arrival(const Args& args, device::Operation operation, Arrival& arrival) {
  const std::uint64_t tag = device::load_relaxed_sys(&args.channel->tag) + 1;
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const bool all_here = await_all(mine.arrived, tag, args.port, operation, device::Phase::kRows, args.limit);
  if (threadIdx.x % 32 != 0) return;
  arrival.tag = tag;
  arrival.all_here = all_here;
  arrival.found.state = device::CallState::kGaveUp;
}

/// The same warp: the terms of all live ranks, beside those of this rank.
template <typename Args>
__device__ __forceinline__ void compare_terms(const Args& args, Arrival& arrival) {
  constexpr int kTogether = 4;  // loads in flight
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  Agreement agreement(args.terms);
  for (int first = 0; first < args.port.num_ranks; first += kTogether) {
    std::int32_t words[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i)
      words[i] = is_live(args.port, first + i) ? agreement.load(mine.terms[first + i]) : 0;
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (is_live(args.port, first + i)) agreement.look(first + i, words[i]);
    }
  }
  const Disagreement found = agreement.result();
  if (threadIdx.x % 32 == 0) arrival.found = found;
}

/// All threads, at the end of a block. True in the last one where a block gave up.
template <typename Args>
__device__ __forceinline__ bool leave_arrival(const Args& args, const Arrival& arrival) {
  __shared__ device::Ended ended;
  const Disagreement& found = arrival.found;
  __syncthreads();
  if (threadIdx.x == 0) {
    const bool gave_up = found.state == device::CallState::kGaveUp;
    ended = device::end_block<device::Spoken::kReads>(&args.channel->blocks_done, gave_up);
    if (ended == device::Ended::kLast) signal_released(args.port, args.latency_board, arrival.tag);
    if (ended != device::Ended::kNotLast) args.channel->tag = arrival.tag;
  }
  __syncthreads();
  if (ended == device::Ended::kLastOfFailed) device::tell_peers(args.port, args.board, args.limit);
  if (ended == device::Ended::kLast && threadIdx.x == 0 && found.state != device::CallState::kDone) {
    device::write_outcome(args.outcome,
                          {.state = found.state, .rank = found.rank, .field = found.field, .theirs = found.theirs},
                          arrival.tag);
  }
  return ended == device::Ended::kLastOfFailed;
}

}  // namespace crossdock::kernels
