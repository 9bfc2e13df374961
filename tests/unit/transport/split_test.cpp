#include "transport/bootstrap/split.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>

#include "../../multi/free_port.hpp"
#include "base/clock.hpp"
#include "gather.hpp"
#include "overheard.hpp"
#include "transport/bootstrap/introduction.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using transport::members_of;
using transport::SplitChoice;

TEST(Split, MembersAreInOrderOfKeyThenOfRank) {
  const std::vector<SplitChoice> choices{{.color = 1, .key = 5},  {.color = 0, .key = 0}, {.color = 1, .key = -2},
                                         {.color = -1, .key = 0}, {.color = 1, .key = 5}, {.color = 1, .key = 0}};
  EXPECT_THAT(members_of(choices, 0), ElementsAre(2, 5, 0, 4));
  EXPECT_THAT(members_of(choices, 4), ElementsAre(2, 5, 0, 4));
  EXPECT_THAT(members_of(choices, 1), ElementsAre(1));
  EXPECT_THAT(members_of(choices, 3), IsEmpty());
}

/// Worlds of every kind, each rank a thread.
using Body = std::function<void(World)>;
void run_as_threads(int num_ranks, const Body& body) {
  auto worlds = World::threads(num_ranks);
  run_threads(num_ranks, [&](int rank) { body(std::move(worlds[static_cast<std::size_t>(rank)])); });
}
void run_over_tcp(int num_ranks, const Body& body) {
  const int port = free_port();
  run_threads(num_ranks, [&](int rank) { body(World::tcp({.rank = rank, .num_ranks = num_ranks, .port = port})); });
}
void run_by_all_gather(int num_ranks, const Body& body) {
  run_as_threads(num_ranks, [&](const World& world) {
    body(World::from_all_gather(world.rank(), num_ranks, all_gather_over(world.bootstrap())));
  });
}

struct Kind {
  const char* name;
  void (*run)(int num_ranks, const Body& body);
};
class SplitKinds : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(All, SplitKinds,
                         ::testing::Values(Kind{"Threads", run_as_threads}, Kind{"Tcp", run_over_tcp},
                                           Kind{"AllGather", run_by_all_gather}),
                         [](const auto& kind) { return kind.param.name; });

std::string told(const World& world, const std::string& mine) {
  std::string all;
  for (const std::string& text : gather_text(*world.bootstrap(), mine)) all += text;
  return all;
}

TEST_P(SplitKinds, AGridBothWaysAtOnce) {
  GetParam().run(4, [](const World& world) {
    const int rank = world.rank();
    const auto row = world.split(rank / 2, 0);
    const auto column = world.split(rank % 2, rank);
    ASSERT_TRUE(row && column);
    EXPECT_EQ(row->rank(), rank % 2);
    EXPECT_EQ(column->rank(), rank / 2);
    const std::string own = std::to_string(rank);
    for (int round = 0; round < 20; ++round) {
      EXPECT_EQ(told(*row, own), rank < 2 ? "01" : "23");
      EXPECT_EQ(told(*column, own), rank % 2 == 0 ? "02" : "13");
    }
    EXPECT_EQ(told(world, own), "0123");
  });
}

TEST_P(SplitKinds, KeysRenumberAndANegativeColorHasNoPart) {
  GetParam().run(4, [](const World& world) {
    const auto part = world.split(world.rank() == 2 ? -1 : 7, -world.rank());
    EXPECT_EQ(part.has_value(), world.rank() != 2);
    if (part) {
      EXPECT_EQ(told(*part, std::to_string(world.rank())), "310");
    }
    EXPECT_FALSE(world.split(-5, 0));
    const auto alone = world.split(world.rank(), 0);
    EXPECT_EQ(told(*alone, "x"), "x");
  });
}

TEST_P(SplitKinds, ASplitOfASplitOutlivesBoth) {
  GetParam().run(6, [](World world) {
    const int rank = world.rank();
    const auto inner = [&] {
      const World outer = std::move(world);
      const auto half = outer.split(rank / 3, 0);
      return half->split(half->rank() == 0 ? 0 : 1, -rank);
    }();
    EXPECT_EQ(told(*inner, std::to_string(rank)),
              std::vector<std::string>({"0", "21", "21", "3", "54", "54"})[static_cast<std::size_t>(rank)]);
  });
}

TEST_P(SplitKinds, ARankThatLeavesFailsItsOwnSubGroupAlone) {
  GetParam().run(4, [](const World& world) {
    auto part = world.split(world.rank() / 2, 0);
    if (world.rank() == 1) {
      part.reset();
    } else if (world.rank() == 0) {
      EXPECT_EQ(error_of([&] { told(*part, "0"); }).code(), ErrorCode::kRankLost);
    } else {
      for (int round = 0; round < 20; ++round) EXPECT_EQ(told(*part, std::to_string(world.rank())), "23");
    }
    EXPECT_EQ(told(world, std::to_string(world.rank())), "0123");
  });
}

// Ranks believe that each is on a machine of its own, so that they meet at an address of the network.
TEST(Split, RanksOfSeveralMachinesMeetAtAnAddressOfTheFirst) {
  constexpr std::size_t kMachine = 1 + sizeof(SplitChoice) + offsetof(transport::Introduction, machine);
  const auto worlds = World::threads(4);
  run_threads(4, [&](int rank) {
    Overheard parent(*worlds[static_cast<std::size_t>(rank)].bootstrap(), [](auto& all) {
      for (std::size_t one = 0; one < all.size(); ++one) all[one].at(kMachine) = static_cast<std::byte>('A' + one);
    });
    const World part(transport::split(parent, {.color = rank % 2, .key = 0}, 30s));
    EXPECT_EQ(told(part, std::to_string(rank)), rank % 2 == 0 ? "02" : "13");
  });
}

TEST(Split, AMissingRankIsNamed) {
  const auto worlds = World::threads(2);
  const Error error = error_of([&] { (void)worlds[0].split(0, 0, 50ms); });
  EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.what(), HasSubstr("rank 1 did not appear within 50 ms"));
}

TEST(Split, ARankThatCannotTakePartFailsAll) {
  const auto worlds = World::threads(2);
  run_threads(2, [&](int rank) {
    const World& world = worlds[static_cast<std::size_t>(rank)];
    if (rank == 1) {
      gather_text(*world.bootstrap(), "\x01no memory");  // as a failed step says it
      return;
    }
    const Error error = error_of([&] { (void)world.split(0, 0); });
    EXPECT_EQ(error.code(), ErrorCode::kRejectedByPeer);
    EXPECT_THAT(error.what(), HasSubstr("rank 1 failed: no memory"));
  });
}

}  // namespace
}  // namespace crossdock::testing
