// Where the ranks of one program meet: a page in a file that all map. Each program uses the same one, whatever it moves
// tokens with, so all are timed alike; and who waits sleeps, so that a program whose turn it is not takes no core.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "harness/digest.hpp"

namespace crossdock::peers {

class Meeting {
 public:
  static constexpr int kMaxRanks = 256;

  /// Collective. `path` is a file of zeros of at least kBytes that outlives the constructor.
  Meeting(const std::string& path, int rank, int num_ranks);
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;
  ~Meeting();

  int rank() const { return rank_; }
  int num_ranks() const { return num_ranks_; }

  /// Returns once all ranks are here.
  void wait();

  /// From rank 0 to all; between waits.
  void say(const std::string& line);
  std::string heard() const;

  /// Runs the work on all ranks, and returns on each the nanoseconds from the first begin to the last end.
  template <typename Work>
  std::int64_t time(const Work& work) {
    page_->start[rank_] = now() + kStartAfter;
    wait();
    spin_until(latest_start());
    page_->begin[rank_] = now();
    work();
    page_->end[rank_] = now();
    wait();
    return longest();
  }

  /// What each rank has to show: written before a wait, read after it.
  struct Exhibit {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t bytes = 0;
    std::uint64_t rows = 0;
  };
  Exhibit& exhibit(int rank) { return page_->exhibits[rank]; }

  static constexpr std::size_t kBytes = 65'536;

 private:
  struct Page {
    std::atomic<std::uint32_t> arrived;
    std::atomic<std::uint32_t> turn;
    std::array<char, 256> line;
    std::int64_t start[kMaxRanks];  ///< the soonest, by each rank
    std::int64_t begin[kMaxRanks];
    std::int64_t end[kMaxRanks];
    Exhibit exhibits[kMaxRanks];
  };
  static_assert(sizeof(Page) <= kBytes);

  static constexpr std::int64_t kStartAfter = 500'000;

  static std::int64_t now();
  static void spin_until(std::int64_t moment);
  std::int64_t latest_start() const;
  std::int64_t longest() const;

  int rank_;
  int num_ranks_;
  Page* page_ = nullptr;
};

}  // namespace crossdock::peers
