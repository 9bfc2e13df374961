#include "simt/async_copies.hpp"

#include <algorithm>
#include <cstring>

#include "simt/fail.hpp"
#include "simt/races.hpp"

namespace crossdock::emulator {

void AsyncCopies::start(unsigned thread, void* to, const void* from, bool at_once) {
  const auto addresses = reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
  if (addresses % kBytes != 0) fail("cp.async: addresses have to be multiples of 16");
  Copy copy{.group = 0, .to = to, .from = from};
  if (at_once) {
    finish(copy);
    return;
  }
  const Unseen unseen;
  Queue& queue = queue_of(thread);
  copy.group = queue.group;
  queue.copies.push_back(copy);
}

void AsyncCopies::commit(unsigned thread) {
  const Unseen unseen;
  ++queue_of(thread).group;
}

void AsyncCopies::wait(unsigned thread, unsigned pending) {
  while (true) {
    Copy copy{};
    {
      const Unseen unseen;
      Queue& queue = queue_of(thread);
      if (queue.copies.empty() || queue.copies.front().group + pending >= queue.group) return;
      copy = queue.copies.front();
      queue.copies.pop_front();
    }
    finish(copy);
  }
}

void AsyncCopies::end() const {
  const bool idle = std::ranges::all_of(queues_, [](const Queue& queue) { return queue.copies.empty(); });
  if (!idle) fail("a block ended while cp.async into its shared memory was on the way");
}

AsyncCopies::Queue& AsyncCopies::queue_of(unsigned thread) {
  if (queues_.size() <= thread) queues_.resize(thread + 1);
  return queues_[thread];
}

void AsyncCopies::finish(const Copy& copy) {
  if (copy.from == nullptr) {
    std::memset(copy.to, 0, kBytes);
  } else {
    std::memcpy(copy.to, copy.from, kBytes);
  }
}

}  // namespace crossdock::emulator
