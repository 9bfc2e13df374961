// The rendezvous of ranks that this program has started.
#pragma once

#include <atomic>
#include <cstdint>

#include "launch/rendezvous.hpp"

namespace crossdock::tools {

/// Lies in memory that all ranks share. Any rank or the parent may break it, for good.
class SharedRendezvous final : public Rendezvous {
 public:
  explicit SharedRendezvous(int num_ranks) : num_ranks_(static_cast<std::uint32_t>(num_ranks)) {}

  /// Throws Error (kRankLost) naming the rank that broke it.
  void wait() override;

  /// `rank` will not come any more. The first one stays.
  void break_by(int rank);
  /// -1 where it is whole.
  int broken_by() const { return broken_by_.load(std::memory_order_acquire) - 1; }

  void note_progress() override { progress_.fetch_add(1, std::memory_order_relaxed); }
  std::uint32_t progress() const { return progress_.load(std::memory_order_relaxed); }

 private:
  void sleep(std::uint32_t generation);
  void wake_all();

  std::uint32_t num_ranks_;
  std::atomic<std::uint32_t> arrived_{0};
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<std::uint32_t> progress_{0};
  std::atomic<int> broken_by_{0};  // rank + 1
};

}  // namespace crossdock::tools
