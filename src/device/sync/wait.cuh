// The one way to wait in a kernel. No trap: who gives up says why and goes on, so the context lives.
#pragma once

#include <cstdint>

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
};

__device__ __forceinline__ bool has_given_up(const WaitLimit& limit) {
  return *static_cast<const volatile std::uint32_t*>(limit.gave_up) != 0;
}

__device__ __noinline__ inline void give_up(const Awaited& awaited, std::uint64_t expected, std::uint64_t observed,
                                            const WaitLimit& limit) {
  if (atomicExch(limit.gave_up, 1U) != 0) return;
  WaitReport* report = limit.report;
  report->operation = awaited.operation;
  report->phase = awaited.phase;
  report->rank = awaited.rank;
  report->peer = awaited.peer;
  report->expected = expected;
  report->observed = observed;
  store_release_sys(&report->written, 1);
}

/// Waits until the word is at least `tag`; acquire. False where the limit passed, here or in another wait of this rank.
__device__ __forceinline__ bool wait_for(const std::uint64_t* word, std::uint64_t tag, const Awaited& awaited,
                                         const WaitLimit& limit) {
  // The limit may lie in host memory, a microsecond away: look at it rarely.
  constexpr int kPollsBetweenLooks = 256;
  std::uint64_t observed = load_acquire_sys(word);
  if (observed >= tag) return true;
  const std::uint64_t start = global_timer();
  for (;;) {
    for (int poll = 0; poll < kPollsBetweenLooks; ++poll) {
      observed = load_acquire_sys(word);
      if (observed >= tag) return true;
    }
    if (has_given_up(limit)) return false;
    if (global_timer() - start > load_relaxed_sys(limit.nanoseconds)) {
      give_up(awaited, tag, observed, limit);
      return false;
    }
  }
}

}  // namespace crossdock::device
