// Ranks that leave, hang or give up: an Error that names them, before the deadline or at it, and a way on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

constexpr std::chrono::milliseconds kShort{300};
constexpr std::chrono::milliseconds kLong{20'000};

class Faults : public testing::TestWithParam<Layout> {};
INSTANTIATE_TEST_SUITE_P(Layouts, Faults, testing::Values(Layout::kFlat, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

TEST_P(Faults, RankThatLeftIsNamed) {
  run_ranks(3, [](const World& world) {
    Group group(world, small_config(kLong));
    if (world.rank() == 2) return;
    const RankTokens tokens = tokens_of(world);
    const auto error = error_of([&] { group.dispatch(tokens.input(), {.layout = GetParam()}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kRankLost) << error->what();
    EXPECT_EQ(error->report().peer, 2) << error->what();
    EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kRankLost, "rank 2");
    EXPECT_TRUE(group.status());
  });
}

TEST(FaultsOfAGroup, ResultThatOutlivesItsGroupDoesNotHideThatTheRankLeft) {
  run_ranks(2, [](const World& world) {
    const RankTokens tokens = tokens_of(world);
    std::optional<Group> group(std::in_place, world, small_config(kLong));
    const DispatchResult kept = group->dispatch(tokens.input());
    if (world.rank() == 1) {
      group.reset();
      const auto* x = static_cast<const float*>(kept.x.data);
      EXPECT_TRUE(std::all_of(x, x + kept.x.num_elements(), [](float value) { return value >= -2 && value <= 2; }));
    } else {
      EXPECT_ERROR(group->dispatch(tokens.input()), ErrorCode::kRankLost, "rank 1 left");
    }
  });
}

TEST_P(Faults, RankThatHangsIsNamedAtTheDeadline) {
  std::atomic<int> done = 0;
  run_ranks(4, [&](const World& world) {
    Group group(world, small_config(kLong));
    group.set_deadline(kShort);
    if (world.rank() == 1) {
      while (done < 3) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      return;
    }
    const RankTokens tokens = tokens_of(world);
    const auto start = std::chrono::steady_clock::now();
    const auto error = error_of([&] { group.dispatch(tokens.input(), {.layout = GetParam()}); });
    const auto took = std::chrono::steady_clock::now() - start;
    ++done;
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kDeadlineExceeded) << error->what();
    EXPECT_EQ(error->report().peer, 1) << error->what();
    EXPECT_LT(took, kShort * 10);
  });
}

TEST(FaultsOfAGroup, HangInTheMiddleIsBlamedOnTheRankThatHangs) {
  // Rank 2 takes part in dispatch but not in combine; rank 0 combines late, so that rank 1 waits for both.
  std::atomic<int> done = 0;
  run_ranks(3, [&](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = group.dispatch(tokens.input());
    group.set_deadline(kShort);
    if (world.rank() == 2) {
      while (done < 2) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      return;
    }
    if (world.rank() == 0) std::this_thread::sleep_for(kShort / 3);
    const auto error = error_of([&] { group.combine(result.handle, {.x = result.x}); });
    ++done;
    ASSERT_TRUE(error);
    EXPECT_EQ(error->report().peer, 2) << error->what();
    EXPECT_EQ(error->report().operation, "combine");
  });
}

TEST(FaultsOfAGroup, AbortEndsEverybody) {
  run_ranks(3, [](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    if (world.rank() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      group.abort("out of patience");
    }
    EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kAborted, "out of patience");
    EXPECT_EQ(group.status()->code(), ErrorCode::kAborted);
  });
}

TEST(FaultsOfAGroup, AbortFromAnotherThreadEndsAWait) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    if (world.rank() == 1) {
      // Waits until rank 0 has given up, so that leaving is not what ends its wait.
      while (!group.status()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      return;
    }
    std::thread watchdog([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
      group.abort("watchdog");
    });
    EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kAborted, "watchdog");
    watchdog.join();
  });
}

TEST_P(Faults, SurvivorsGoOnInANewEpoch) {
  std::atomic<int> done = 0;
  run_ranks(3, [&](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult before = group.dispatch(tokens.input(), {.layout = GetParam()});
    if (world.rank() == 1) {
      while (done < 2) std::this_thread::sleep_for(std::chrono::milliseconds{1});
      return;
    }
    group.set_deadline(kShort);
    EXPECT_TRUE(error_of([&] { group.dispatch(tokens.input(), {.layout = GetParam()}); }));
    group.set_deadline(kLong);
    const std::vector<int> live{0, 2};
    group.set_live_ranks(live);
    EXPECT_FALSE(group.status());
    EXPECT_EQ(group.live_ranks(), live);
    EXPECT_GE(group.epoch(), 1);
    EXPECT_ERROR(group.combine(before.handle, {.x = before.x}), ErrorCode::kInvalidHandle, "epoch");
    for (int round = 0; round < 20; ++round) {
      const DispatchResult result = group.dispatch(tokens.input(), {.layout = GetParam()});
      EXPECT_EQ(group.combine(result.handle, {.x = result.x}).y.shape[0], kTokens);
    }
    ++done;
  });
}

TEST(FaultsOfAGroup, MaskedRankComesBack) {
  run_ranks(3, [](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    for (int masked = 0; masked < 3; ++masked) {
      std::vector<int> live{0, 1, 2};
      live.erase(live.begin() + masked);
      group.set_live_ranks(live);
      if (world.rank() == masked) {
        EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kAborted, "masked");
      } else {
        const DispatchResult result = group.dispatch(tokens.input());
        group.combine(result.handle, {.x = result.x});
      }
      group.set_live_ranks(std::vector<int>{0, 1, 2});
      const DispatchResult result = group.dispatch(tokens.input());
      group.combine(result.handle, {.x = result.x});
    }
    EXPECT_EQ(group.epoch(), 6);
  });
}

TEST(FaultsOfAGroup, WhoWaitsForAMaskedRankIsToldAtOnce) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kLong));
    if (world.rank() == 1) {
      group.set_live_ranks(std::vector<int>{0});
    } else {
      EXPECT_ERROR(group.dispatch(tokens_of(world).input()), ErrorCode::kAborted, "rank 1 is masked");
    }
  });
}

TEST(FaultsOfAGroup, LiveRanksThatDiffer) {
  run_ranks(3, [](const World& world) {
    Group group(world, small_config(kLong));
    const std::vector<int> live = world.rank() == 0 ? std::vector<int>{0, 1} : std::vector<int>{0, 1, 2};
    group.set_deadline(kShort);
    if (world.rank() != 2) {
      EXPECT_ERROR(group.set_live_ranks(live), ErrorCode::kOptionsMismatch, "rank 0 has [0, 1]");
    } else {
      EXPECT_TRUE(error_of([&] { group.set_live_ranks(live); }));
    }
    EXPECT_ERROR(group.set_live_ranks(std::vector<int>{1, 0}), ErrorCode::kInvalidArgument, "ascending");
    EXPECT_ERROR(group.set_live_ranks(std::vector<int>{0, 3}), ErrorCode::kInvalidArgument, "[0, 3)");
  });
}

TEST_P(Faults, DroppedCallsLetTheOthersGoOn) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kLong));
    const RankTokens tokens = tokens_of(world);
    for (int round = 0; round < 30; ++round) {
      const DispatchOptions options{.layout = GetParam()};
      PendingDispatch pending = group.dispatch_send(tokens.input(), options);
      if (world.rank() == 1) continue;  // dropped
      const DispatchResult result = group.dispatch_receive(std::move(pending));
    }
    const DispatchResult result = group.dispatch(tokens.input(), {.layout = GetParam()});
    for (int round = 0; round < 30; ++round) {
      PendingCombine pending = group.combine_send(result.handle, {.x = result.x});
      if (world.rank() == 1) continue;  // dropped
      group.combine_receive(std::move(pending));
    }
    EXPECT_EQ(group.combine(result.handle, {.x = result.x}).y.shape[0], kTokens);
  });
}

}  // namespace
}  // namespace crossdock::test
