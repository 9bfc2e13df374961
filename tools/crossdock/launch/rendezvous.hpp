// Where the ranks of one machine wait for one another outside of a group: to start a measurement together.
#pragma once

#include <atomic>
#include <cstdint>

namespace crossdock::tools {

/// Lies in memory that all ranks share. Any rank or the parent may break it, for good.
class Rendezvous {
 public:
  explicit Rendezvous(int num_ranks) : num_ranks_(static_cast<std::uint32_t>(num_ranks)) {}

  /// Returns when all ranks are here. Throws Error (kRankLost) naming the rank that broke it.
  void wait();

  /// `rank` will not come any more. The first one stays.
  void break_by(int rank);
  /// -1 where it is whole.
  int broken_by() const { return broken_by_.load(std::memory_order_acquire) - 1; }

  /// Tells whoever watches that work goes on; wait() does so too.
  void note_progress() { progress_.fetch_add(1, std::memory_order_relaxed); }
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
