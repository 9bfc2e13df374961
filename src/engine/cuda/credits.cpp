#include "engine/cuda/credits.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace crossdock::engine::cuda {
namespace {

/// Pieces of calls that the host may be ahead: what a stream queues is less.
constexpr std::size_t kMostPieces = 2048;

}  // namespace

void Credits::add(std::int64_t sequence, const Reservation& memory, bool captured) {
  if (given_.size() == kMostPieces) given_.pop_front();
  std::deque<Given>& given = captured ? captured_ : given_;
  given.push_back({.sequence = sequence, .offset = memory.offset, .bytes = memory.bytes, .owner = memory.owner});
}

void Credits::complete_before(std::int64_t sequence) {
  std::erase_if(given_, [sequence](const Given& given) { return given.sequence < sequence; });
}

void Credits::quarantine(Arena& arena, Quarantine& quarantine, std::int64_t epoch, std::span<const int> ranks) {
  for (std::deque<Given>* given : {&given_, &captured_}) Credits::quarantine(*given, arena, quarantine, epoch, ranks);
}

void Credits::quarantine(std::deque<Given>& all, Arena& arena, Quarantine& quarantine, std::int64_t epoch,
                         std::span<const int> ranks) {
  std::vector<Given> taken;
  for (const Given& given : all) {
    if (std::shared_ptr<void> owner = given.owner.lock()) {
      quarantine.hold_from_kernels(WindowBuffer(std::move(owner)), epoch, ranks);
      continue;
    }
    for (Reservation& free : arena.take(given.offset, given.bytes)) {
      taken.push_back({.sequence = given.sequence, .offset = free.offset, .bytes = free.bytes, .owner = free.owner});
      quarantine.hold_from_kernels(std::move(free.memory), epoch, ranks);
    }
  }
  std::ranges::move(taken, std::back_inserter(all));
}

}  // namespace crossdock::engine::cuda
