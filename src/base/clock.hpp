// The clock of every deadline.
#pragma once

#include <chrono>

namespace crossdock::base {

using Clock = std::chrono::steady_clock;

/// A point in time after which a wait gives up.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds from_now) : at_(Clock::now() + from_now) {}

  bool expired() const { return Clock::now() >= at_; }

  /// Never negative.
  std::chrono::milliseconds remaining() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_ - Clock::now());
    return left.count() > 0 ? left : std::chrono::milliseconds{0};
  }

 private:
  Clock::time_point at_;
};

}  // namespace crossdock::base
