// Groups on parts of a world, ranks as processes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "fork_ranks.hpp"
#include "free_port.hpp"
#include "sub_groups.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::testing {
namespace {

/// A program's own exchange; here it is another world's.
World by_all_gather(const World& world) {
  return World::from_all_gather(world.rank(), world.num_ranks(),
                                [bootstrap = world.bootstrap()](auto mine, auto all, auto deadline) {
                                  auto at = all.begin();
                                  for (const auto& one : bootstrap->all_gather(mine, deadline)) {
                                    at = std::ranges::copy(one, at).out;
                                  }
                                });
}

class SubGroupOfProcesses : public ::testing::TestWithParam<bool> {
 protected:
  void run(int num_ranks, const std::function<void(const World&)>& body) const {
    const int port = free_port();
    EXPECT_TRUE(fork_ranks(num_ranks, [&](int rank) {
      const World tcp = World::tcp({.rank = rank, .num_ranks = num_ranks, .port = port});
      body(GetParam() ? by_all_gather(tcp) : tcp);
    }));
  }
};
INSTANTIATE_TEST_SUITE_P(All, SubGroupOfProcesses, ::testing::Bool(),
                         [](const auto& way) { return way.param ? "ByAllGather" : "ByTcp"; });

TEST_P(SubGroupOfProcesses, AGridBothWaysAtOnce) { run(4, use_a_grid_both_ways); }

TEST_P(SubGroupOfProcesses, ASplitOfASplit) { run(5, use_a_split_of_a_split); }

TEST_P(SubGroupOfProcesses, OneSubsetFailsWhileTheOtherGoesOn) {
  run(4, [](const World& world) {
    const int rank = world.rank();
    const auto part = world.split(rank / 2, 0);
    NumberedRank mine(*part, 64, 2, rank + 1);
    if (rank == 1) ::_exit(0);
    if (rank == 0) {
      try {
        mine.round({1, 2});
        FAIL() << "expected an Error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kRankLost);
        EXPECT_EQ(error.report().peer, 1);
      }
    } else {
      for (int round = 0; round < 50; ++round) mine.round({3, 4});
    }
  });
}

}  // namespace
}  // namespace crossdock::testing
