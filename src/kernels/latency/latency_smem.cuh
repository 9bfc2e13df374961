// Shared memory of latency mode's kernels.
#pragma once

#include <cstdint>

#include "crossdock/types.hpp"
#include "kernels/expand/expand_smem.cuh"
#include "kernels/latency/roles/receive_call.cuh"

namespace crossdock::kernels {

inline constexpr int kSendThreads = 512;
inline constexpr int kSumThreads = 512;
inline constexpr int kSumWarps = kSumThreads / 32;

/// Eights of channels that a thread of a send has in flight, and channels of a block.
inline constexpr int kSendTogether = 2;
inline constexpr int kSendChannels = kSendThreads * kSendTogether * 8;

struct LatencySendSmem {
  std::uint64_t tag;
  bool ready;
  union {
    float scales[kSendChannels / kQuantBlock];
    std::uint8_t exponents[kSendChannels / kQuantBlock];
    std::uint32_t scale_words[kSendChannels / kQuantBlock];
  };
};

struct LatencyReceiveSmem {
  LatencyEntry entry;
  bool gave_up;
  ExpandSmem expand;
};

struct LatencySumSmem {
  LatencyEntry entry;
  bool gave_up;
};

}  // namespace crossdock::kernels
