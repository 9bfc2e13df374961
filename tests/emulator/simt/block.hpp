// A block that runs: its CUDA threads take turns on one thread of the processor, in random order, and change only where
// they wait for one another, poll or pause. One warp or one thread is always far behind the others: what should wait
// for it and does not is seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <source_location>
#include <vector>

#include "simt/async_copies.hpp"
#include "simt/barrier.hpp"
#include "simt/bulk_copies.hpp"
#include "simt/fences.hpp"
#include "simt/fiber.hpp"
#include "simt/grid.hpp"
#include "simt/warp.hpp"

namespace crossdock::emulator {

struct Index3 {
  unsigned x = 0;
  unsigned y = 0;
  unsigned z = 0;
};

class Block {
 public:
  Block(Grid& grid, Index3 index, std::uint64_t seed);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Returns when all its threads have ended.
  void run();

  /// The block that runs on this thread of the processor, or null.
  static Block* current();

  // What its CUDA threads call:
  Grid& grid() { return grid_; }
  Index3 index() const { return index_; }
  Index3 thread_index() const;
  unsigned thread() const { return running_; }
  /// Waits for all threads of the block.
  void sync_threads();
  /// Waits at barrier 1 to 15 until `threads` threads do.
  void sync_some(unsigned barrier, unsigned threads);
  /// Counts there and goes on.
  void arrive_some(unsigned barrier, unsigned threads);
  /// Waits for all lanes of the mask; what each brought.
  /// As CUDA has it, that alone orders no memory.
  LaneWords meet(std::uint32_t mask, std::uint64_t word, const std::source_location& where);
  /// The same, and orders memory.
  void sync_lanes(std::uint32_t mask, const std::source_location& where);
  /// Lets others run: whoever polls calls it between two looks.
  void poll();
  /// At fences and before signals: now and then the others of the block run first, or other blocks and GPUs do.
  void pause() { pause_or_nap(64); }
  /// After a signal: often others act on it before this block does anything else.
  void linger() { pause_or_nap(8); }
  /// griddepcontrol.wait. Each block of a kernel that may overlap the one before has to.
  void wait_for_earlier_kernels();
  void let_next_kernel_start();
  BulkCopies& bulk_copies() { return bulk_copies_; }
  AsyncCopies& async_copies() { return async_copies_; }
  bool toss();
  /// Of the thread whose turn it is.
  Fences& fences() { return fences_[running_]; }
  void will_store_relaxed(const void* word) { fences().will_store(word, grid_); }

 private:
  void make_threads();
  void run_thread();
  void wait_at(Barrier& barrier, unsigned threads);
  Warp::Meeting& join(std::uint32_t mask, std::uint64_t word, const std::source_location& where);
  void wait_for(const Warp::Meeting& meeting);
  LaneWords leave(Warp::Meeting& meeting);
  void release_if_due(Barrier& barrier, unsigned threads);
  void run_one();
  void choose_slow();
  bool is_slow(unsigned thread) const { return thread >> slow_shift_ == slow_; }
  std::size_t draw_ready();
  void pause_or_nap(unsigned pauses_between_naps);
  void wait();
  void wake(unsigned thread) { ready_.push_back(thread); }
  void wake_lanes(unsigned warp, std::uint32_t lanes);
  void thread_ended();
  void rest();
  [[noreturn]] void fail_stuck() const;
  std::uint64_t random();
  /// Below `end`.
  std::size_t draw(std::size_t end) { return (random() >> 32) * end >> 32; }

  Grid& grid_;
  Index3 index_;
  std::uint64_t random_;
  unsigned num_threads_;
  unsigned num_live_;
  unsigned running_ = 0;     ///< the thread whose turn it is
  unsigned slow_shift_ = 0;  ///< a warp is slow, or a thread: 5 or 0
  unsigned slow_ = 0;        ///< which one
  bool waited_for_earlier_ = false;
  bool lets_next_start_ = false;
  unsigned switches_between_bulk_steps_ = 1;
  std::deque<Timeline> timelines_;  ///< of the fibers
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fences> fences_;
  std::vector<Warp> warps_;
  std::vector<unsigned> ready_;
  std::vector<unsigned> polling_;
  std::array<Barrier, 16> barriers_;  ///< 0: __syncthreads
  unsigned idle_turns_ = 0;           ///< since a thread did more than poll
  BulkCopies bulk_copies_{grid_};
  AsyncCopies async_copies_;
};

}  // namespace crossdock::emulator
