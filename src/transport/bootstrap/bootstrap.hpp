// The exchange of addresses and settings before there is a transport.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "base/process_mark.hpp"

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

  /// Throws Error(kInvalidArgument) in a child that was forked since: it has a copy that can reach nobody.
  void check_process() const {
    if (process_.is_inherited()) base::throw_inherited("World");
  }
  bool is_inherited() const { return process_.is_inherited(); }

  /// Gives back memory that was kept for telling the others that none is left.
  void release_spare() noexcept { spare_ = {}; }

 private:
  static constexpr std::size_t kSpareBytes = 65'536;

  base::ProcessMark process_;
  std::vector<std::byte> spare_ = std::vector<std::byte>(kSpareBytes);
};

}  // namespace crossdock
