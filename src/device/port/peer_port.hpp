// How a kernel reaches the ranks of its node: the windows of all of them, mapped.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crossdock::device {

/// Ranks of one node that a kernel serves: a lane a rank.
inline constexpr int kMaxPeers = 32;

struct PeerPort {
  int rank = 0;
  int num_ranks = 1;
  std::byte* windows[kMaxPeers] = {};  ///< by rank, the own one too
};

}  // namespace crossdock::device
