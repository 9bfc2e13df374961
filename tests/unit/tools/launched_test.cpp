#include "launch/launched.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "launch/launch.hpp"

namespace crossdock::tools {
namespace {

/// Runs `body` on a thread a rank, as processes of a launcher would.
void as_ranks(int num_ranks, const std::function<void(const World& world)>& body) {
  std::vector<World> worlds = World::threads(num_ranks);
  std::vector<std::thread> threads;
  threads.reserve(worlds.size());
  for (World& world : worlds) threads.emplace_back([&body, world = std::move(world)] { body(world); });
  for (std::thread& thread : threads) thread.join();
}

TEST(Launched, EveryRankGetsAllColumns) {
  as_ranks(3, [](const World& world) {
    SharedArray<std::int64_t> values(6);  // [2][3]
    for (std::size_t i = 0; i < 2; ++i) values[i * 3 + static_cast<std::size_t>(world.rank())] = 10 * i + world.rank();
    gather_columns(world, values);
    const std::vector<std::int64_t> got(&values[0], &values[0] + 6);
    EXPECT_THAT(got, ::testing::ElementsAre(0, 1, 2, 10, 11, 12));
  });
}

TEST(Launched, EveryRankGetsWhatRank0HasAndTheLeastOfAll) {
  as_ranks(3, [](const World& world) {
    SharedArray<double> values(2);
    values[0] = values[1] = world.rank() == 0 ? 7 : 0;
    spread_from_rank_0(world, values);
    EXPECT_EQ(values[1], 7);
    EXPECT_EQ(least_of_ranks(world, 5 - world.rank()), 3);
  });
}

TEST(Launched, ARankIsRunInPlace) {
  as_ranks(2, [](const World& world) {
    bool ran = false;
    const LaunchResult result =
        launch({.num_ranks = 2, .launched = &world}, [&](const World& mine, Rendezvous& rendezvous) {
          rendezvous.wait();
          ran = mine.rank() == world.rank();
        });
    EXPECT_TRUE(result.ok());
    EXPECT_TRUE(ran);
  });
}

TEST(Launched, TheFailureIsThisRanks) {
  as_ranks(2, [](const World& world) {
    const LaunchResult result = launch({.num_ranks = 2, .launched = &world}, [](const World& mine, Rendezvous&) {
      if (mine.rank() == 1) throw std::runtime_error("no more coffee");
    });
    EXPECT_EQ(result.exit_code(), world.rank());
    if (world.rank() == 1) {
      EXPECT_EQ(result.failures.at(0).message, "rank 1: no more coffee");
    }
  });
}

}  // namespace
}  // namespace crossdock::tools
