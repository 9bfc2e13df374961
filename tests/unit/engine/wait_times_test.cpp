// Group::wait_times: a rank that comes late shows at its peers, and nowhere else.
#include <gtest/gtest.h>

#include <barrier>
#include <chrono>
#include <thread>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

using std::chrono::milliseconds;

constexpr int kRanks = 3;
constexpr int kLate = 2;
constexpr milliseconds kDelay{200};

class WaitTimes : public testing::TestWithParam<Layout> {};
INSTANTIATE_TEST_SUITE_P(Layouts, WaitTimes, testing::Values(Layout::kFlat, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

void expect_late_at_peers(const std::vector<std::chrono::nanoseconds>& times, int rank) {
  EXPECT_EQ(times[static_cast<std::size_t>(rank)].count(), 0);
  if (rank == kLate) return;
  const auto other = static_cast<std::size_t>(kLate - 1 - rank);
  EXPECT_GT(times[kLate], kDelay / 2);
  EXPECT_LT(times[other], times[kLate]);
}

TEST_P(WaitTimes, LateRankShowsAtItsPeers) {
  std::barrier together(kRanks);
  run_ranks(kRanks, [&](const World& world) {
    Group group(world, small_config(milliseconds{20'000}));
    EXPECT_EQ(group.wait_times(), std::vector<std::chrono::nanoseconds>(kRanks));
    const RankTokens tokens = tokens_of(world);
    together.arrive_and_wait();
    if (world.rank() == kLate) std::this_thread::sleep_for(kDelay);
    group.dispatch(tokens.input(), {.layout = GetParam()});
    expect_late_at_peers(group.wait_times(), world.rank());
  });
}

TEST_P(WaitTimes, SumsGoOnInANewEpoch) {
  std::barrier together(2);
  run_ranks(2, [&](const World& world) {
    Group group(world, small_config(milliseconds{20'000}));
    const RankTokens tokens = tokens_of(world);
    for (int round = 1; round <= 2; ++round) {
      together.arrive_and_wait();
      if (world.rank() == 1) std::this_thread::sleep_for(kDelay);
      group.dispatch(tokens.input(), {.layout = GetParam()});
      if (world.rank() == 0) {
        EXPECT_GT(group.wait_times()[1], kDelay / 2 * round);
      }
      group.set_live_ranks(std::vector<int>{0, 1});
    }
  });
}

}  // namespace
}  // namespace crossdock::test
