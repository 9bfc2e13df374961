// How a kernel reaches the ranks of its node: the windows of all of them, mapped.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crossdock::device {

/// Ranks of one node that a kernel serves: a lane a rank.
inline constexpr int kMaxPeers = 32;
/// Experts of all ranks together.
inline constexpr int kMaxExperts = 1024;

struct PeerPort {
  int rank = 0;
  int num_ranks = 1;
  std::uint32_t live = ~0U;            ///< bit r: rank r takes part; nobody writes to, or waits for, the others
  std::byte* windows[kMaxPeers] = {};  ///< by rank, the own one too
};

}  // namespace crossdock::device
