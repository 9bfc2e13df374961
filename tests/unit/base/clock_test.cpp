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

// A wait that sleeps for remaining() must not wake a fraction before the deadline and spin.
TEST(Deadline, RemainingIsRoundedUp) {
  const Deadline deadline(milliseconds{20});
  std::this_thread::sleep_for(deadline.remaining());
  EXPECT_TRUE(deadline.expired());
}

}  // namespace
}  // namespace crossdock::base
