// A moment that comes once, and that threads and streams wait for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace crossdock::emulator {

class Completion {
 public:
  using Clock = std::chrono::steady_clock;

  void complete();
  bool is_complete() const;
  void wait() const;
  /// When it was complete, which it has to be.
  Clock::time_point time() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool complete_ = false;
  Clock::time_point time_;
};

}  // namespace crossdock::emulator
