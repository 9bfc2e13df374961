// What the machine can do at best, measured in the same run as everything that is held against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "launch/rendezvous.hpp"

namespace crossdock::tools {

inline constexpr int kCopyRounds = 5;

/// Bytes that each of `num_ranks` copies: together over four times the last-level caches.
std::size_t copy_bytes(std::int64_t last_level_bytes, int num_ranks);

/// When a copy began and ended, in seconds of a clock that all processes share.
struct CopyTime {
  double begin = 0;
  double end = 0;
};

/// All ranks copy between warmed buffers of their own at once, kCopyRounds times. Writes when this rank's copies were.
/// A round lasts from the first begin to the last end: where ranks are more than cores, their own times say too little.
void measure_copies(Rendezvous& rendezvous, std::size_t bytes, std::span<CopyTime> times);

}  // namespace crossdock::tools
