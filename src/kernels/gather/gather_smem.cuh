// A block of a gather, and what it knows once it may begin.
#pragma once

#include <cstdint>

#include "device/port/peer_port.hpp"

namespace crossdock::kernels {

/// More of them than other blocks of latency mode have: a row that goes back is made of many.
inline constexpr int kGatherWarps = 16;
inline constexpr int kGatherThreads = kGatherWarps * 32 + 32;
/// A block fits an SM beside one of the others.
inline constexpr int kGatherRegisters = 80;

/// What a block of a gather knows once it may begin.
struct GatherEntry {
  std::uint64_t tag;
  bool ready;
  const float* weights[device::kMaxPeers];  ///< given at combine, by source
};

}  // namespace crossdock::kernels
