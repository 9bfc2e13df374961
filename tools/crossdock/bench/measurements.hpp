// What ranks leave for the parent: plain values in shared memory.
#pragma once

#include <array>
#include <cstdint>

#include "bench/scenario.hpp"
#include "crossdock/operations.hpp"
#include "launch/launched.hpp"
#include "launch/shared.hpp"
#include "limits.hpp"

namespace crossdock::tools::bench {

/// One operation on one rank.
struct OperationRecord {
  std::int64_t rows = 0;
  Traffic traffic;
  std::uint64_t verified_bytes = 0;
  std::uint64_t differences = 0;
  std::array<char, 200> first_difference{};
};

struct RankRecord {
  OperationRecord dispatch;
  OperationRecord combine;
  std::array<CopyTime, kCopyRounds> copies{};
};

class Measurements {
 public:
  explicit Measurements(const Scenario& scenario)
      : num_ranks_(static_cast<std::size_t>(scenario.num_ranks)),
        calls_(static_cast<std::size_t>(1 + scenario.warmup + scenario.iterations)),
        records_(num_ranks_),
        dispatch_seconds_(num_ranks_ * calls_),
        combine_seconds_(num_ranks_ * calls_) {}

  /// The first call, the warm-up, the iterations.
  std::size_t calls() const { return calls_; }
  RankRecord& record(std::size_t rank) { return records_[rank]; }
  const RankRecord& record(std::size_t rank) const { return records_[rank]; }
  double& dispatch_seconds(std::size_t call, std::size_t rank) { return dispatch_seconds_[call * num_ranks_ + rank]; }
  double& combine_seconds(std::size_t call, std::size_t rank) { return combine_seconds_[call * num_ranks_ + rank]; }

  /// With ranks of a launcher: gives every rank what all of them have measured. Collective.
  void gather(const World& world) {
    gather_columns(world, records_);
    gather_columns(world, dispatch_seconds_);
    gather_columns(world, combine_seconds_);
  }

 private:
  std::size_t num_ranks_;
  std::size_t calls_;
  SharedArray<RankRecord> records_;
  SharedArray<double> dispatch_seconds_;
  SharedArray<double> combine_seconds_;
};

}  // namespace crossdock::tools::bench
