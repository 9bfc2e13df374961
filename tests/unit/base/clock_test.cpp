#include "base/clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace crossdock::base {
namespace {

using std::chrono::milliseconds;

TEST(Deadline, FarAwayIsNotExpired) {
  const Deadline deadline(milliseconds{60'000});
  EXPECT_FALSE(deadline.expired());
  EXPECT_GT(deadline.remaining(), milliseconds{30'000});
  EXPECT_LE(deadline.remaining(), milliseconds{60'000});
}

TEST(Deadline, ExpiresOnceItsTimeHasPassed) {
  const Deadline deadline(milliseconds{5});
  std::this_thread::sleep_for(milliseconds{6});
  EXPECT_TRUE(deadline.expired());
  EXPECT_EQ(deadline.remaining(), milliseconds{0});
}

TEST(Deadline, OfThePastHasNothingLeftAndNotLess) {
  const Deadline deadline(milliseconds{-1'000});
  EXPECT_TRUE(deadline.expired());
  EXPECT_EQ(deadline.remaining(), milliseconds{0});
}

// A wait for ever is told in milliseconds, microseconds and nanoseconds, and added to times: none of it may overflow.
TEST(Deadline, OfAnyLengthIsFarAway) {
  using namespace std::chrono_literals;
  for (const milliseconds length : {milliseconds::max(), milliseconds::max() - 1ms, milliseconds{kForever} + 1ms,
                                    milliseconds{24h * 365 * 300}, milliseconds{24h}}) {
    const Deadline deadline(length);
    EXPECT_FALSE(deadline.expired()) << length.count();
    EXPECT_GT(deadline.remaining(), 23h) << length.count();
    EXPECT_LE(deadline.remaining(), kForever + 1h) << length.count();
    EXPECT_GT(std::chrono::nanoseconds(deadline.remaining()).count(), 0) << length.count();
    EXPECT_GT(Clock::now() + deadline.remaining(), Clock::now()) << length.count();
  }
}

TEST(Deadline, OfNothingOrLessIsExpired) {
  for (const milliseconds length : {milliseconds{0}, milliseconds{-1}, milliseconds::min()}) {
    EXPECT_TRUE(Deadline(length).expired()) << length.count();
    EXPECT_EQ(Deadline(length).remaining(), milliseconds{0}) << length.count();
  }
}

// A wait that sleeps for remaining() must not wake a fraction before the deadline and spin.
TEST(Deadline, RemainingIsRoundedUp) {
  const Deadline deadline(milliseconds{20});
  std::this_thread::sleep_for(deadline.remaining());
  EXPECT_TRUE(deadline.expired());
}

}  // namespace
}  // namespace crossdock::base
