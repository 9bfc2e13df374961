#include "simt/sms.hpp"

#include <algorithm>

namespace crossdock::emulator {

Sms::Sms(int count) : free_(static_cast<std::size_t>(count)) {}

int Sms::find(const Room& room) const {
  const auto fits = [&](const Free& sm) {
    return sm.blocks > 0 && sm.threads >= room.threads && sm.smem >= room.smem + kSmemReserved;
  };
  // The emptiest one, as GPUs spread blocks.
  int best = -1;
  for (std::size_t i = 0; i < free_.size(); ++i) {
    if (fits(free_[i]) && (best < 0 || free_[i].threads > free_[static_cast<std::size_t>(best)].threads)) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

int Sms::take(const Room& room) {
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  int sm = -1;
  changed_.wait(lock, [&] { return ticket == serving_ && (sm = find(room)) >= 0; });
  Free& taken = free_[static_cast<std::size_t>(sm)];
  --taken.blocks;
  taken.threads -= room.threads;
  taken.smem -= room.smem + kSmemReserved;
  ++serving_;
  changed_.notify_all();
  return sm;
}

void Sms::give_back(int sm, const Room& room) {
  const std::scoped_lock lock(mutex_);
  Free& given = free_[static_cast<std::size_t>(sm)];
  ++given.blocks;
  given.threads += room.threads;
  given.smem += room.smem + kSmemReserved;
  changed_.notify_all();
}

}  // namespace crossdock::emulator
