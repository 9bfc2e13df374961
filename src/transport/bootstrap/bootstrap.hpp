// The exchange of addresses and settings before there is a transport.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

namespace crossdock {

/// More are refused before memory is taken for them.
inline constexpr int kMostRanks = 1 << 16;

/// One rank's end. all_gather is collective; one thread at a time.
class Bootstrap {
 public:
  virtual ~Bootstrap() = default;

  virtual int rank() const = 0;
  virtual int num_ranks() const = 0;
  /// True where all ranks are threads of one process, so that gathered pointers mean something.
  virtual bool same_process() const = 0;

  /// Everybody's bytes (sizes may differ), by rank. Throws Error (kDeadlineExceeded, kRankLost) whose message names
  /// the ranks that are missing; then the bootstrap is of no further use.
  virtual std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine,
                                                         std::chrono::milliseconds deadline) = 0;
};

}  // namespace crossdock
