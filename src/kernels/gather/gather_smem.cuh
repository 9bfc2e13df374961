// What a block of a gather knows once it may begin.
#pragma once

#include <cstdint>

#include "device/port/peer_port.hpp"

namespace crossdock::kernels {

inline constexpr int kGatherThreads = 512;
inline constexpr int kGatherWarps = kGatherThreads / 32;

struct GatherEntry {
  std::uint64_t tag;
  bool ready;
  const float* weights[device::kMaxPeers];  ///< given at combine, by source
};

}  // namespace crossdock::kernels
