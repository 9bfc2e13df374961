// Groups on parts of a world, ranks as threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../multi/sub_groups.hpp"
#include "run_ranks.hpp"

namespace crossdock::test {
namespace {

using testing::NumberedRank;

TEST(SubGroup, AGridBothWaysAtOnce) { run_ranks(4, testing::use_a_grid_both_ways); }

TEST(SubGroup, ASplitOfASplit) { run_ranks(5, testing::use_a_split_of_a_split); }

TEST(SubGroup, OneSubsetFailsWhileTheOtherGoesOn) {
  run_ranks(4, [](const World& world) {
    const int rank = world.rank();
    const auto part = world.split(rank / 2, 0);
    NumberedRank mine(*part, 64, 2, rank + 1);
    if (rank < 2) {
      if (rank == 1) mine.group().abort("enough");
      EXPECT_ERROR(mine.round({}), ErrorCode::kAborted, "enough");
    } else {
      for (int round = 0; round < 20; ++round) mine.round({3, 4});
    }
    // The world is as good as it was.
    EXPECT_TRUE(world.split(0, 0));
  });
}

TEST(SubGroup, GroupsOfOneSubsetAfterAnother) {
  run_ranks(3, [](const World& world) {
    for (int outsider = 0; outsider < 3; ++outsider) {
      const auto part = world.split(world.rank() == outsider ? -1 : 0, 0);
      if (!part) continue;
      std::set<float> numbers{1, 2, 3};
      numbers.erase(static_cast<float>(outsider + 1));
      NumberedRank(*part, 64, 2, world.rank() + 1).round(numbers);
    }
  });
}

}  // namespace
}  // namespace crossdock::test
