#include "simt/grid.hpp"

#include <memory>
#include <utility>

#include "simt/block.hpp"
#include "simt/nap.hpp"
#include "simt/races.hpp"
#include "simt/seed.hpp"
#include "simt/shared_memory.hpp"
#include "simt/timeline.hpp"
#include "simt/workers.hpp"

namespace crossdock::emulator {
namespace {

std::size_t count_of(const dim3& shape) { return std::size_t{shape.x} * shape.y * shape.z; }

Index3 index_in(const dim3& shape, std::size_t number) {
  return {static_cast<unsigned>(number % shape.x), static_cast<unsigned>(number / shape.x % shape.y),
          static_cast<unsigned>(number / shape.x / shape.y)};
}

/// One block in 8 starts later than those behind it.
void start_late(std::uint64_t random) {
  constexpr std::uint64_t kOneOf = 8;
  if (random % kOneOf == 0) nap(random / kOneOf);
}

}  // namespace

Grid::Grid(Sms& sms, Launch launch, std::shared_ptr<Grid> earlier)
    : sms_(sms),
      launch_(std::move(launch)),
      earlier_(std::move(earlier)),
      blocks_running_(count_of(launch_.grid)),
      blocks_that_hold_next_(blocks_running_) {}

void Grid::start() {
  // One after the other: the blocks of a kernel begin in the order of their indices.
  Workers::of_process().run([self = shared_from_this()] { self->start_blocks(); });
}

void Grid::start_blocks() {
  const Sms::Room room{.threads = static_cast<int>(count_of(launch_.block)), .smem = launch_.smem_bytes};
  const std::size_t count = count_of(launch_.grid);
  for (std::size_t number = 0; number < count; ++number) {
    const int sm = sms_.take(room);
    Workers::of_process().run([self = shared_from_this(), sm, room, number] {
      start_late(next_seed());
      poison_shared_memory(room.smem);
      // Not on this thread's stack: the leak sanitizer does not look there while a fiber runs.
      auto block = std::make_unique<Block>(*self, index_in(self->launch_.grid, number), next_seed());
      block->run();
      {
        const Unseen unseen;
        block.reset();
      }
      self->sms_.give_back(sm, room);
      self->block_ended();
    });
  }
}

void Grid::block_ended() {
  const std::scoped_lock lock(mutex_);
  --blocks_running_;
  changed_.notify_all();
}

/// Orders no memory.
void Grid::block_lets_next_start() {
  const Unseen unseen;
  const std::scoped_lock lock(mutex_);
  --blocks_that_hold_next_;
  changed_.notify_all();
}

bool Grid::is_complete() {
  {
    const std::scoped_lock lock(mutex_);
    if (blocks_running_ > 0) return false;
  }
  return earlier_is_complete();
}

bool Grid::earlier_is_complete() {
  const Unseen unseen;
  const std::scoped_lock lock(mutex_);
  if (earlier_ && earlier_->is_complete()) {
    take_over_what_earlier_did();
    earlier_.reset();
  }
  return !earlier_;
}

/// Not as the calling thread, which may have done more.
void Grid::take_over_what_earlier_did() {
  const Timeline beside(*this);
  beside.observe(earlier_->end());
  beside.observe(earlier_->begin());
  beside.publish(begin());
}

void Grid::wait_until_complete() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return blocks_running_ == 0; });
  const std::shared_ptr<Grid> earlier = earlier_;
  lock.unlock();
  observe(end());
  observe(begin());
  if (earlier) earlier->wait_until_complete();
  lock.lock();
  earlier_.reset();
}

void Grid::wait_until_next_may_start() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return blocks_that_hold_next_ == 0; });
}

}  // namespace crossdock::emulator
