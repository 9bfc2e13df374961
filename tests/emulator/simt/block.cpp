#include "simt/block.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "simt/fail.hpp"
#include "simt/nap.hpp"

namespace crossdock::emulator {
namespace {

thread_local Block* current_block = nullptr;

}  // namespace

Block* Block::current() { return current_block; }

Block::Block(Grid& grid, Index3 index, std::uint64_t seed)
    : grid_(grid),
      index_(index),
      random_(seed),
      num_threads_(grid.launch().block.x * grid.launch().block.y * grid.launch().block.z),
      num_live_(num_threads_) {}

Block::~Block() = default;

Index3 Block::thread_index() const {
  const dim3& shape = grid_.launch().block;
  return {running_ % shape.x, running_ / shape.x % shape.y, running_ / shape.x / shape.y};
}

void Block::run() {
  current_block = this;
  make_threads();
  choose_slow();
  while (num_live_ > 0) {
    if (!ready_.empty()) {
      run_one();
    } else if (!polling_.empty()) {
      rest();
    } else {
      fail_stuck();
    }
  }
  // Nobody has waited for them: they are late.
  if (!bulk_copies_.is_idle()) nap(random());
  bulk_copies_.end();
  if (grid_.launch().may_overlap && !waited_for_earlier_) {
    fail("a block that may overlap earlier kernels ended without waiting for them");
  }
  let_next_kernel_start();
  current_block = nullptr;
}

void Block::make_threads() {
  for (unsigned first = 0; first < num_threads_; first += kWarpLanes) warps_.emplace_back(num_threads_ - first);
  for (unsigned thread = 0; thread < num_threads_; ++thread) {
    fibers_.push_back(std::make_unique<Fiber>(grid_.launch().body));
    ready_.push_back(thread);
  }
}

void Block::run_one() {
  constexpr unsigned kSwitchesBetweenSlow = 512;
  if (random() % kSwitchesBetweenSlow == 0) choose_slow();
  std::swap(ready_[draw_ready()], ready_.back());
  running_ = ready_.back();
  ready_.pop_back();
  fibers_[running_]->resume();
  if (fibers_[running_]->has_ended()) thread_ended();
  if (draw(switches_between_bulk_steps_) == 0) bulk_copies_.advance(random());
}

void Block::choose_slow() {
  slow_shift_ = random() % 2 == 0 ? 5 : 0;
  slow_ = static_cast<unsigned>(draw(num_threads_)) >> slow_shift_;
  // Bulk copies are slow too, at times: they take no step while threads have something to do.
  switches_between_bulk_steps_ = random() % 2 == 0 ? 4 : 512;
}

std::size_t Block::draw_ready() {
  constexpr int kDraws = 3;
  std::size_t drawn = draw(ready_.size());
  for (int again = 1; again < kDraws && is_slow(ready_[drawn]); ++again) drawn = draw(ready_.size());
  return drawn;
}

void Block::thread_ended() {
  fibers_[running_].reset();
  --num_live_;
  wake_lanes(running_ / kWarpLanes, warps_[running_ / kWarpLanes].end_lane(running_ % kWarpLanes));
  release_sync_if_due();
}

void Block::wait() { fibers_[running_]->yield(); }

void Block::wake_lanes(unsigned warp, std::uint32_t lanes) {
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    if ((lanes >> lane & 1U) != 0) wake(warp * kWarpLanes + lane);
  }
}

void Block::sync_threads() {
  at_sync_.push_back(running_);
  release_sync_if_due();
  wait();
}

void Block::release_sync_if_due() {
  if (at_sync_.empty() || at_sync_.size() < num_live_) return;
  ready_.insert(ready_.end(), at_sync_.begin(), at_sync_.end());
  at_sync_.clear();
}

void Block::sync_some(unsigned barrier, unsigned threads) {
  std::vector<unsigned>& waiting = at_barriers_.at(barrier);
  waiting.push_back(running_);
  if (waiting.size() == threads) {
    ready_.insert(ready_.end(), waiting.begin(), waiting.end());
    waiting.clear();
  }
  wait();
}

LaneWords Block::meet(std::uint32_t mask, std::uint64_t word, const std::source_location& where) {
  const unsigned lane = running_ % kWarpLanes;
  const unsigned warp = running_ / kWarpLanes;
  Warp::Meeting& meeting = warps_[warp].join(mask, lane, word, where);
  if (meeting.is_over) {
    wake_lanes(warp, meeting.came & ~(1U << lane));
  } else {
    wait();
  }
  return warps_[warp].leave(meeting, lane);
}

void Block::poll() {
  polling_.push_back(running_);
  wait();
}

void Block::pause_or_nap(unsigned pauses_between_naps) {
  constexpr unsigned kPausesBetweenTurns = 8;
  const std::uint64_t drawn = random();
  if (drawn % pauses_between_naps == 0) {
    nap(drawn / pauses_between_naps);
  } else if (draw(kPausesBetweenTurns) == 0) {
    poll();
  }
}

/// Everybody who could run only polls: what they poll for comes from elsewhere.
void Block::rest() {
  constexpr unsigned kYields = 8;
  constexpr std::chrono::microseconds kNap{50};
  bulk_copies_.advance(random());
  if (bulk_copies_.is_idle()) {
    if (++idle_turns_ % kYields == 0) {
      std::this_thread::sleep_for(kNap);
    } else {
      std::this_thread::yield();
    }
  }
  std::swap(ready_, polling_);
}

void Block::wait_for_earlier_kernels() {
  waited_for_earlier_ = true;
  while (!grid_.earlier_is_complete()) poll();
}

void Block::let_next_kernel_start() {
  if (!std::exchange(lets_next_start_, true)) grid_.block_lets_next_start();
}

void Block::fail_stuck() const {
  std::string text =
      fmt::format("{} threads wait for one another, {} of them at __syncthreads", num_live_, at_sync_.size());
  for (std::size_t warp = 0; warp < warps_.size(); ++warp) {
    for (const Warp::Meeting& meeting : warps_[warp].meetings()) {
      text += fmt::format("; warp {}: of lanes {:#010x} came {:#010x} at {}:{}", warp, meeting.mask, meeting.came,
                          meeting.where.file_name(), meeting.where.line());
    }
  }
  fail(text);
}

/// xorshift64.
std::uint64_t Block::random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

}  // namespace crossdock::emulator
