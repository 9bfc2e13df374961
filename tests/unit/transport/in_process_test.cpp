#include "transport/bootstrap/in_process.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "gather.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(InProcess, EverybodyGetsEverybodysBytesRoundAfterRound) {
  auto all = transport::make_in_process(4);
  run_threads(4, [&](int rank) {
    Bootstrap& mine = *all[static_cast<std::size_t>(rank)];
    EXPECT_EQ(mine.rank(), rank);
    EXPECT_EQ(mine.num_ranks(), 4);
    EXPECT_TRUE(mine.same_process());
    for (int round = 0; round < 500; ++round) {
      const auto texts = gather_text(mine, std::string(static_cast<std::size_t>(rank), 'a') + std::to_string(round));
      const std::string number = std::to_string(round);
      ASSERT_THAT(texts, ElementsAre(number, "a" + number, "aa" + number, "aaa" + number));
    }
  });
}

TEST(InProcess, AWorldGathersWithoutItsBootstrap) {
  const auto worlds = World::threads(3);
  run_threads(3, [&](int rank) {
    const World& world = worlds[static_cast<std::size_t>(rank)];
    const auto all = world.all_gather(bytes_of_text(std::string(static_cast<std::size_t>(rank), 'a')), 10s);
    ASSERT_EQ(all.size(), 3U);
    for (std::size_t peer = 0; peer < 3; ++peer) EXPECT_EQ(text_of_bytes(all[peer]), std::string(peer, 'a'));
  });
}

TEST(InProcess, AnExchangeOfOne) { EXPECT_THAT(gather_text(*transport::make_in_process(1)[0], "x"), ElementsAre("x")); }

TEST(InProcess, MissingRanksAreNamedAndLaterExchangesFailAtOnce) {
  auto all = transport::make_in_process(4);
  run_threads(2, [&](int rank) {
    Bootstrap& mine = *all[static_cast<std::size_t>(rank)];
    const Error error = error_of([&] { gather_text(mine, "", 100ms); });
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(error.what(), HasSubstr("ranks 2 and 3 did not appear within 100 ms"));
    EXPECT_EQ(error.report().operation, "bootstrap");
    EXPECT_EQ(error.report().rank, rank);
    EXPECT_EQ(error.report().peer, 2);
  });
  const base::Deadline soon(5s);
  EXPECT_EQ(error_of([&] { gather_text(*all[2], "", 30s); }).code(), ErrorCode::kDeadlineExceeded);
  EXPECT_FALSE(soon.expired());
}

TEST(InProcess, ARankThatGivesUpFailsTheOthersAtOnce) {
  for (const bool before : {true, false}) {
    auto all = transport::make_in_process(3);
    const base::Deadline soon(10s);
    run_threads(3, [&](int rank) {
      auto mine = std::move(all[static_cast<std::size_t>(rank)]);
      if (rank == 1) {
        if (!before) std::this_thread::sleep_for(50ms);
        mine.reset();
        return;
      }
      const Error error = error_of([&] { gather_text(*mine, "", 30s); });
      EXPECT_EQ(error.code(), ErrorCode::kRankLost);
      EXPECT_THAT(error.what(), HasSubstr("rank 1 left"));
    });
    EXPECT_FALSE(soon.expired());
  }
}

TEST(InProcess, ARankMayLeaveAfterItsLastExchange) {
  auto all = transport::make_in_process(3);
  run_threads(3, [&](int rank) {
    auto mine = std::move(all[static_cast<std::size_t>(rank)]);
    EXPECT_EQ(gather_text(*mine, "x").size(), 3U);
  });
}

TEST(InProcess, NoRanksAreRefused) {
  EXPECT_EQ(error_of([] { World::threads(0); }).code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace crossdock::testing
