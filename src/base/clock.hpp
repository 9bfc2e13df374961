// The clock of every deadline.
#pragma once

#include <algorithm>
#include <chrono>

namespace crossdock::base {

using Clock = std::chrono::steady_clock;

/// Longer than any wait; milliseconds::max() and whatever else exceeds it mean this. Fits every unit that a wait is
/// told in: nanoseconds as 64 bits overflow at 292 years.
inline constexpr std::chrono::hours kForever{24 * 365 * 100};

/// Never negative, never more than kForever: what can be converted and added to a time.
constexpr std::chrono::milliseconds saturated(std::chrono::milliseconds wait) {
  return std::clamp(wait, std::chrono::milliseconds{0}, std::chrono::milliseconds{kForever});
}

/// A point in time after which a wait gives up. Expired at once where `from_now` is 0 or less.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds from_now) : at_(Clock::now() + saturated(from_now)) {}

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
