// What the machine can do at best, measured in the same run as everything that is held against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "launch/rendezvous.hpp"

namespace crossdock::tools {

/// One after the other by memcpy and by streaming stores.
inline constexpr int kCopyRounds = 8;

/// Of one round on one rank, so that waking up for it counts little.
inline constexpr std::size_t kLeastCopyBytes = std::size_t{32} << 20;

/// Bytes that each of `num_ranks` copies at a time. Together they are as large as what the operations read and write
/// (`operation_bytes`, of all ranks), so that both find as much of it in caches, and no larger than over four times the
/// last-level caches, from where on it makes no difference.
std::size_t copy_bytes(std::int64_t last_level_bytes, std::int64_t operation_bytes, int num_ranks);

/// Copies of a round: small ones are repeated.
std::size_t copies_of_round(std::size_t bytes);

/// When a copy began and ended, in seconds of a clock that all processes share.
struct CopyTime {
  double begin = 0;
  double end = 0;
};

/// All ranks copy between warmed buffers of their own at once, copies_of_round times in each of kCopyRounds rounds.
/// Writes when this rank's copies were. A round lasts from the first begin to the last end: where ranks are more than
/// cores, their own times say too little.
void measure_copies(Rendezvous& rendezvous, std::size_t bytes, std::span<CopyTime> times);

}  // namespace crossdock::tools
