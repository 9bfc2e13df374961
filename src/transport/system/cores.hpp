// The cores that a rank may use, and which of its neighbours use them too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "transport/system/cpu_quota.hpp"

namespace crossdock::transport {

/// What bounds a rank's cores; ranks of one machine tell it one another.
struct CoreClaim {
  std::vector<std::uint64_t> mask = {};  ///< bit c % 64 of word c / 64: core c is allowed
  std::vector<CpuQuota> quotas = {};
};

/// Of the calling thread.
CoreClaim claim_cores();

/// A message with a claim behind it.
std::vector<std::byte> with_claim(std::vector<std::byte> message, const CoreClaim& claim);

/// Such messages, by rank.
struct ClaimedMessages {
  std::vector<std::vector<std::byte>> messages = {};
  std::vector<CoreClaim> claims = {};
};
/// Each message has `message_bytes`. Throws Error(kInvalidArgument) where what lies behind is no claim; it names the
/// rank.
ClaimedMessages split_claims(const std::vector<std::vector<std::byte>>& gathered, std::size_t message_bytes);

/// A rank's part of the cores.
struct CoreShare {
  int threads = 1;        ///< allowed cores / the ranks that share any of them, at least 1
  bool may_spin = false;  ///< each of those ranks has a whole core: one that spins takes it from nobody
};

/// `claims` by rank. Of the mask and the quotas the tightest counts; for `threads` a quota is rounded up to cores.
CoreShare share_of(int rank, std::span<const CoreClaim> claims);

}  // namespace crossdock::transport
