// The start and the end of a latency call's second half, dispatch's receive and combine's sum alike.
#pragma once

#include "device/port/terms.hpp"
#include "device/sync/write_outcome.cuh"
#include "kernels/agree.cuh"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/call.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// What a block knows of the call.
struct Arrival {
  LatencyCall call;
  std::uint32_t failed;      ///< not 0: a wait of the block did
  std::uint32_t warps_done;  ///< workers
  int missing;               ///< a source whose rows they wait for
  Disagreement found;        ///< once all have told
};

/// One warp, before the kernels before this one have ended; but the call before this one on the channel has, and left
/// its area empty.
template <typename Args>
__device__ __forceinline__ void begin_arrival(const Args& args, Arrival& arrival) {
  const LatencyCall call = begin_call(args.channel);
  if (threadIdx.x % 32 == 0) {
    arrival.call = call;
    arrival.failed = 0;
    arrival.warps_done = 0;
    arrival.missing = -1;
  }
  __syncwarp();
  if (blockIdx.x == 0) signal_all(args.port, args.latency_board, &device::LatencyBoard::released, call.tag);
}

/// Threads whose wait failed.
__device__ __forceinline__ void note_failure(Arrival& arrival) { atomicExch(&arrival.failed, 1U); }

/// The same warp, a lane a word: waits for what each source tells, which does not depend on the kernels before this
/// one, and compares it. Numbers of tokens go to `num_tokens`, by source.
template <typename Args>
__device__ __forceinline__ void await_terms(const Args& args, device::Operation operation, Agreement agreement,
                                            Arrival& arrival, std::int32_t* num_tokens) {
  const std::uint64_t tag = arrival.call.tag;
  constexpr int kTogether = 2;  // loads in flight
  const int lane = static_cast<int>(threadIdx.x % 32);
  const device::LatencyTold& told = told_of(args.port, args.latency_board, args.port.rank, tag);
  const bool has_word = lane < device::kToldWords;
  const int word = min(lane, device::kToldWords - 1);
  bool here = !device::has_given_up(args.limit);
  for (int first = 0; first < args.port.num_ranks; first += kTogether) {
    std::uint64_t words[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      words[i] = device::load_peer_if(&told.words[first + i][word], has_word && is_live(args.port, first + i));
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int source = first + i;
      if (!is_live(args.port, source)) continue;
      const device::Awaited awaited{operation, device::Phase::kRows, args.port.rank, source,
                                    blockIdx.x == 0 && lane == 0};
      if (has_word) here = device::await_word({&told.words[source][word], tag}, words[i], awaited, args.limit) && here;
      __syncwarp();
      const auto value = static_cast<std::int32_t>(words[i]);
      agreement.look(source, lane < device::kTermWords ? value : 0);
      if (num_tokens != nullptr && lane == device::kTermWords) num_tokens[source] = value;
    }
  }
  Disagreement found = agreement.result();
  if (!__all_sync(~0U, here)) found.state = device::CallState::kGaveUp;
  if (lane == 0) arrival.found = found;
  __syncwarp();
}

/// Behind a barrier of the block.
__device__ __forceinline__ device::CallState state_of(const Arrival& arrival) {
  return arrival.failed != 0 ? device::CallState::kGaveUp : arrival.found.state;
}

__device__ __forceinline__ bool has_failed_by_terms(device::CallState state) {
  return state != device::CallState::kDone && state != device::CallState::kGaveUp;
}

/// The same warp, once all workers have ended: how the call did goes to the peers where this rank gave up, and where it
/// failed to the host.
template <typename Args>
__device__ __forceinline__ void leave_arrival(const Args& args, const Arrival& arrival) {
  const device::CallState state = state_of(arrival);
  if (state == device::CallState::kGaveUp) {
    device::tell_peers(args.port, args.board, args.limit);
    return;
  }
  if (blockIdx.x != 0 || threadIdx.x % 32 != 0 || state == device::CallState::kDone) return;
  const Disagreement& found = arrival.found;
  device::write_outcome(args.outcome,
                        {.state = found.state, .rank = found.rank, .field = found.field, .theirs = found.theirs},
                        arrival.call.tag);
}

}  // namespace crossdock::kernels
