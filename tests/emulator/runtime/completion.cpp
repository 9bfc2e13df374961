#include "runtime/completion.hpp"

namespace crossdock::emulator {

void Completion::complete() {
  const std::scoped_lock lock(mutex_);
  complete_ = true;
  time_ = Clock::now();
  changed_.notify_all();
}

bool Completion::is_complete() const {
  const std::scoped_lock lock(mutex_);
  return complete_;
}

void Completion::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return complete_; });
}

Completion::Clock::time_point Completion::time() const {
  const std::scoped_lock lock(mutex_);
  return time_;
}

}  // namespace crossdock::emulator
