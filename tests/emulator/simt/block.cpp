#include "simt/block.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "simt/fail.hpp"
#include "simt/nap.hpp"
#include "simt/races.hpp"

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
      num_live_(num_threads_),
      fences_(num_threads_) {}

Block::~Block() = default;

Index3 Block::thread_index() const {
  const dim3& shape = grid_.launch().block;
  return {running_ % shape.x, running_ / shape.x % shape.y, running_ / shape.x / shape.y};
}

void Block::run() {
  current_block = this;
  make_threads();
  const Unseen unseen;
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
  bulk_copies_.end(grid_.end());
  async_copies_.end();
  if (grid_.launch().may_overlap && !waited_for_earlier_) {
    fail("a block that may overlap earlier kernels ended without waiting for them");
  }
  let_next_kernel_start();
  current_block = nullptr;
}

void Block::make_threads() {
  for (unsigned first = 0; first < num_threads_; first += kWarpLanes) warps_.emplace_back(num_threads_ - first);
  for (unsigned thread = 0; thread < num_threads_; ++thread) {
    Timeline& timeline = timelines_.emplace_back(grid_);
    if (kFindsRaces) timeline.name(fmt::format("block {}, thread {}", index_.x, thread));
    fibers_.push_back(std::make_unique<Fiber>([this] { run_thread(); }, timeline));
    ready_.push_back(thread);
  }
}

void Block::run_thread() {
  grid_.launch().body();
  publish(grid_.end());
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
  release_if_due(barriers_[0], num_live_);
}

void Block::wait() { fibers_[running_]->yield(); }

void Block::wake_lanes(unsigned warp, std::uint32_t lanes) {
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    if ((lanes >> lane & 1U) != 0) wake(warp * kWarpLanes + lane);
  }
}

void Block::sync_threads() { wait_at(barriers_[0], num_live_); }

void Block::sync_some(unsigned barrier, unsigned threads) { wait_at(barriers_.at(barrier), threads); }

void Block::arrive_some(unsigned number, unsigned threads) {
  Barrier& barrier = barriers_.at(number);
  publish(barrier.word());
  const Unseen unseen;
  ++barrier.arrived;
  release_if_due(barrier, threads);
}

void Block::wait_at(Barrier& barrier, unsigned threads) {
  const void* const word = barrier.word();
  publish(word);
  {
    const Unseen unseen;
    barrier.waiting.push_back(running_);
    release_if_due(barrier, threads);
    wait();
  }
  observe(word);
}

void Block::release_if_due(Barrier& barrier, unsigned threads) {
  if (barrier.waiting.empty() || barrier.waiting.size() + barrier.arrived < threads) return;
  ready_.insert(ready_.end(), barrier.waiting.begin(), barrier.waiting.end());
  barrier.waiting.clear();
  barrier.arrived = 0;
  ++barrier.phase;
}

void Block::sync_lanes(std::uint32_t mask, const std::source_location& where) {
  Warp::Meeting& meeting = join(mask, 0, where);
  publish(&meeting);
  wait_for(meeting);
  observe(&meeting);
  leave(meeting);
}

LaneWords Block::meet(std::uint32_t mask, std::uint64_t word, const std::source_location& where) {
  Warp::Meeting& meeting = join(mask, word, where);
  wait_for(meeting);
  return leave(meeting);
}

Warp::Meeting& Block::join(std::uint32_t mask, std::uint64_t word, const std::source_location& where) {
  const Unseen unseen;
  return warps_[running_ / kWarpLanes].join(mask, running_ % kWarpLanes, word, where);
}

/// Right after join().
void Block::wait_for(const Warp::Meeting& meeting) {
  const Unseen unseen;
  if (meeting.is_over) {
    wake_lanes(running_ / kWarpLanes, meeting.came & ~(1U << running_ % kWarpLanes));
  } else {
    wait();
  }
}

LaneWords Block::leave(Warp::Meeting& meeting) {
  const Unseen unseen;
  return warps_[running_ / kWarpLanes].leave(meeting, running_ % kWarpLanes);
}

void Block::wait_for_earlier_kernels() {
  {
    const Unseen unseen;
    waited_for_earlier_ = true;
  }
  while (!grid_.earlier_is_complete()) poll();
  observe(grid_.begin());
}

void Block::poll() {
  const Unseen unseen;
  polling_.push_back(running_);
  wait();
}

void Block::pause_or_nap(unsigned pauses_between_naps) {
  constexpr unsigned kPausesBetweenTurns = 8;
  const Unseen unseen;
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

void Block::let_next_kernel_start() {
  const Unseen unseen;
  if (!std::exchange(lets_next_start_, true)) grid_.block_lets_next_start();
}

void Block::fail_stuck() const {
  std::string text = fmt::format("{} threads wait for one another, {} of them at __syncthreads", num_live_,
                                 barriers_[0].waiting.size());
  for (std::size_t warp = 0; warp < warps_.size(); ++warp) {
    for (const Warp::Meeting& meeting : warps_[warp].meetings()) {
      text += fmt::format("; warp {}: of lanes {:#010x} came {:#010x} at {}:{}", warp, meeting.mask, meeting.came,
                          meeting.where.file_name(), meeting.where.line());
    }
  }
  fail(text);
}

bool Block::toss() {
  const Unseen unseen;
  return random() % 2 == 0;
}

/// xorshift64.
std::uint64_t Block::random() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_;
}

}  // namespace crossdock::emulator
