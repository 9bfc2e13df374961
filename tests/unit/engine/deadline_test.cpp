// GroupConfig::deadline and Group::set_deadline: more than nothing, up to no limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{20'000};

class LongDeadline : public ::testing::TestWithParam<milliseconds> {};

TEST_P(LongDeadline, IsNotReached) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(GetParam()));
    const RankTokens tokens = tokens_of(world);
    group.set_deadline(kLong);
    group.set_deadline(GetParam());
    for (int round = 0; round < 3; ++round) {
      // The other rank waits meanwhile, in a futex and over several looks at its peer.
      if (world.rank() == round % 2) std::this_thread::sleep_for(milliseconds(30));
      const DispatchResult result = group.dispatch(tokens.input());
      group.combine(result.handle, {.x = result.x});
    }
    EXPECT_FALSE(group.status());
  });
}

INSTANTIATE_TEST_SUITE_P(Lengths, LongDeadline,
                         ::testing::Values(milliseconds::max(), milliseconds::max() - milliseconds(1),
                                           std::chrono::hours(24 * 365 * 300), std::chrono::hours(1)));

class NoDeadline : public ::testing::TestWithParam<milliseconds> {};

TEST_P(NoDeadline, IsRefusedByTheConfiguration) {
  run_ranks(2, [](const World& world) {
    EXPECT_ERROR(Group(world, small_config(GetParam())), ErrorCode::kInvalidArgument,
                 "GroupConfig::deadline: expected more than 0 ms, got " + std::to_string(GetParam().count()));
  });
}

// A rank whose own is right learns it at once, not at its deadline.
TEST_P(NoDeadline, OfOneRankIsToldToTheOthers) {
  run_ranks(2, [](const World& world) {
    if (world.rank() == 1) {
      EXPECT_ERROR(Group(world, small_config(GetParam())), ErrorCode::kInvalidArgument, "GroupConfig::deadline");
    } else {
      EXPECT_ERROR(Group(world, small_config(std::chrono::hours(1))), ErrorCode::kRejectedByPeer,
                   "GroupConfig::deadline: expected more than 0 ms");
    }
  });
}

TEST_P(NoDeadline, IsRefusedLaterAndChangesNothing) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kLong));
    EXPECT_ERROR(group.set_deadline(GetParam()), ErrorCode::kInvalidArgument,
                 "set_deadline: expected more than 0 ms, got " + std::to_string(GetParam().count()));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = group.dispatch(tokens.input());
    group.combine(result.handle, {.x = result.x});
  });
}

INSTANTIATE_TEST_SUITE_P(Lengths, NoDeadline,
                         ::testing::Values(milliseconds(0), milliseconds(-1), milliseconds::min()));

TEST(ShortDeadline, ExpiresWhereNobodyComes) {
  std::atomic<bool> has_expired = false;
  run_ranks(2, [&](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    if (world.rank() == 1) {
      while (!has_expired) std::this_thread::sleep_for(milliseconds(1));
      return;
    }
    group.set_deadline(milliseconds(1));
    EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kDeadlineExceeded, "did not answer within 1 ms");
    has_expired = true;
  });
}

}  // namespace
}  // namespace crossdock::test
