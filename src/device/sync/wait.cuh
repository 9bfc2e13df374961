// The one way to wait in a kernel. No trap: who gives up says why and goes on, so the context lives.
#pragma once

#include <cstdint>

#include "device/port/board.hpp"
#include "device/ptx/clock.cuh"
#include "device/ptx/order.cuh"
#include "device/sync/wait_limit.hpp"

namespace crossdock::device {

/// Whom a wait blames.
struct Awaited {
  Operation operation = Operation::kDispatch;
  Phase phase = Phase::kAnnounce;
  int rank = -1;
  int peer = -1;
  bool is_counted = true;  ///< in WaitLimit::waited: false where many blocks wait for the same
};

__device__ __forceinline__ bool has_given_up(const WaitLimit& limit) {
  return *static_cast<const volatile std::uint32_t*>(limit.gave_up) != 0;
}

/// One thread. As has_given_up, in order: who asks after giving up sees what others wrote before they were told no.
__device__ __forceinline__ bool ask_given_up(const WaitLimit& limit) {
  fence_gpu();
  if (atomicAdd(limit.gave_up, 0U) == 0) return false;
  fence_gpu();
  return true;
}

__device__ __forceinline__ void write_report(WaitReport* report, const Awaited& awaited, std::uint64_t expected,
                                             std::uint64_t observed) {
  report->operation = awaited.operation;
  report->phase = awaited.phase;
  report->rank = awaited.rank;
  report->peer = awaited.peer;
  report->expected = expected;
  report->observed = observed;
  store_release_sys(&report->written, 1);
}

__device__ __noinline__ inline void give_up(const Awaited& awaited, std::uint64_t expected, std::uint64_t observed,
                                            const WaitLimit& limit) {
  if (atomicExch(limit.gave_up, 1U) == 0) write_report(limit.report, awaited, expected, observed);
}

/// The lowest peer that gave up on this epoch, or -1.
__device__ __forceinline__ int peer_that_gave_up(const WaitLimit& limit) {
  for (int peer = 0; limit.peers_gave_up != nullptr && peer < kMaxPeers; ++peer) {
    if (load_relaxed_sys(limit.peers_gave_up + peer) == limit.epoch) return peer;
  }
  return -1;
}

/// True where a wait that began at `start` has to end; then it has been reported.
__device__ __noinline__ inline bool must_give_up(const Awaited& awaited, std::uint64_t start, std::uint64_t expected,
                                                 std::uint64_t observed, const WaitLimit& limit) {
  if (has_given_up(limit)) return true;
  const int peer = peer_that_gave_up(limit);
  if (peer >= 0) {
    give_up({awaited.operation, Phase::kAborted, awaited.rank, peer}, expected, observed, limit);
    return true;
  }
  if (limit.nanoseconds == nullptr || global_timer() - start <= load_relaxed_sys(limit.nanoseconds)) return false;
  give_up(awaited, expected, observed, limit);
  return true;
}

constexpr int kPolls = 256;  ///< between looks at what other waits of this rank came to; about 100 us
/// The limit lies in host memory. Where all SMs look at it they get it one after the other, a microsecond each. With a
/// look every 256 polls a call that came 80 us late made every block look, and was another 100 us late itself; its
/// peers waited for it and looked in turn, and all later calls took 250 us.
constexpr int kRoundsBetweenLooks = 16;
constexpr unsigned kPauseNanoseconds = 64;

/// Waits until the word `is_here`; `observed` is its value then. False where the limit passed, here or in another wait
/// of this rank, or a peer gave up.
template <typename Word>
__device__ __forceinline__ bool wait_until(const Word& word, std::uint64_t& observed, const Awaited& awaited,
                                           const WaitLimit& limit) {
  observed = word.load();
  if (word.is_here(observed)) return true;
  const std::uint64_t start = global_timer();
  std::uint64_t end = start;
  bool here = false;
  for (int round = 1; !here; ++round) {
#pragma unroll 1
    for (int poll = 0; poll < kPolls; ++poll) {
      __nanosleep(kPauseNanoseconds);
      observed = word.load();
      if (!word.is_here(observed)) continue;
      end = global_timer();  // not after the loop: lanes that wait for different words may leave it together
      here = true;
      break;
    }
    if (here) break;
    if (has_given_up(limit)) return false;
    if (round % kRoundsBetweenLooks != 0) continue;
    if (must_give_up(awaited, start, word.tag, word.tag_of(observed), limit)) return false;
  }
  if (limit.waited != nullptr && awaited.peer >= 0 && awaited.is_counted) {
    atomicAdd(reinterpret_cast<unsigned long long*>(limit.waited + awaited.peer), end - start);
  }
  return true;
}

/// A signal: here once it is at least `tag`; acquire.
struct Signal {
  const std::uint64_t* word;
  std::uint64_t tag;

  __device__ std::uint64_t load() const { return load_acquire_sys(word); }
  __device__ bool is_here(std::uint64_t value) const { return value >= tag; }
  __device__ std::uint64_t tag_of(std::uint64_t value) const { return value; }
};

__device__ __forceinline__ bool wait_for(const std::uint64_t* word, std::uint64_t tag, const Awaited& awaited,
                                         const WaitLimit& limit) {
  std::uint64_t observed;
  return wait_until(Signal{word, tag}, observed, awaited, limit);
}

/// One warp, a lane a peer: tells the live ones that this rank gave up on the epoch.
__device__ __forceinline__ void tell_peers(const PeerPort& port, std::uint64_t board, const WaitLimit& limit) {
  const int peer = static_cast<int>(threadIdx.x % 32);
  if (peer >= port.num_ranks || (port.live >> peer & 1U) == 0) return;
  auto* theirs = reinterpret_cast<Board*>(port.windows[peer] + board);
  store_release_sys(&theirs->gave_up[port.rank], limit.epoch);
}

}  // namespace crossdock::device
