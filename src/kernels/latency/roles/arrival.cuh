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
  bool all_told;         ///< false: this rank gave up
  std::uint32_t failed;  ///< not 0: a worker did
  Disagreement found;    ///< where all have told
};

/// One warp, before the kernels before this one have ended: what comes from peers does not depend on them. Waits for
/// what each source tells once.
template <typename Args>
__device__ __forceinline__ void await_arrival(const Args& args, device::Operation operation, Arrival& arrival) {
  const LatencyCall call = begin_call(args.channel);
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const bool all_told = await_all(mine.told[blockIdx.x % device::kToldCopies], call.tag, args.port, operation,
                                  device::Phase::kRows, args.limit);
  if (threadIdx.x % 32 == 0) {
    arrival.call = call;
    arrival.all_told = all_told;
    arrival.failed = 0;
    arrival.found.state = device::CallState::kGaveUp;
  }
  __syncwarp();
}

/// The same warp.
template <typename Args>
__device__ __forceinline__ void compare_terms(const Args& args, Arrival& arrival) {
  const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
  const Disagreement found = compare_terms<4>(args.port, args.terms, mine.terms);
  if (threadIdx.x % 32 == 0) arrival.found = found;
}

/// A warp whose wait for a row failed.
__device__ __forceinline__ void note_failure(Arrival& arrival) {
  if (threadIdx.x % 32 == 0) atomicExch(&arrival.failed, 1U);
}

/// The same warp as above, after compare_terms: how the call ended goes to the peers, and where it failed to the host.
template <typename Args>
__device__ __forceinline__ void leave_arrival(const Args& args, Arrival& arrival) {
  await_read();
  if (threadIdx.x % 32 == 0 && arrival.failed != 0) arrival.found.state = device::CallState::kGaveUp;
  __syncwarp();
  const Disagreement& found = arrival.found;
  if (found.state == device::CallState::kGaveUp) {
    device::tell_peers(args.port, args.board, args.limit);
    return;
  }
  signal_released(args.port, args.latency_board);
  if (blockIdx.x != 0 || threadIdx.x % 32 != 0 || found.state == device::CallState::kDone) return;
  device::write_outcome(args.outcome,
                        {.state = found.state, .rank = found.rank, .field = found.field, .theirs = found.theirs},
                        arrival.call.tag);
}

}  // namespace crossdock::kernels
