#include "launch/shared_rendezvous.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <ctime>

#include "crossdock/error.hpp"

namespace crossdock::tools {

void SharedRendezvous::wait() {
  note_progress();
  const std::uint32_t generation = generation_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == num_ranks_) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    wake_all();
    return;
  }
  while (generation_.load(std::memory_order_acquire) == generation) {
    if (const int rank = broken_by(); rank >= 0) {
      throw Error(ErrorCode::kRankLost, fmt::format("waiting for all ranks: rank {} will not come", rank));
    }
    sleep(generation);
  }
}

void SharedRendezvous::break_by(int rank) {
  int whole = 0;
  broken_by_.compare_exchange_strong(whole, rank + 1, std::memory_order_acq_rel);
  wake_all();
}

void SharedRendezvous::sleep(std::uint32_t generation) {
  // breaking does not change the word, so a wake that comes before the sleep is lost: never sleep long
  const timespec at_most{.tv_sec = 0, .tv_nsec = 50'000'000};
  syscall(SYS_futex, &generation_, FUTEX_WAIT, generation, &at_most, nullptr, 0);
}

void SharedRendezvous::wake_all() { syscall(SYS_futex, &generation_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

}  // namespace crossdock::tools
