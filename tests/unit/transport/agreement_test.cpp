#include "transport/bootstrap/agreement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gather.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Agreement, GathersWhatTheStepReturns) {
  const auto worlds = World::threads(3);
  run_threads(3, [&](int rank) {
    const base::Deadline deadline(30s);
    const auto all = transport::agree(*worlds[static_cast<std::size_t>(rank)].bootstrap(), deadline,
                                      [&] { return bytes_of_text(std::string(static_cast<std::size_t>(rank), 'x')); });
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(text_of_bytes(all[0]), "");
    EXPECT_EQ(text_of_bytes(all[2]), "xx");
  });
}

TEST(Agreement, AFailedStepFailsAllAndLeavesTheBootstrapUsable) {
  const auto worlds = World::threads(3);
  run_threads(3, [&](int rank) {
    Bootstrap& bootstrap = *worlds[static_cast<std::size_t>(rank)].bootstrap();
    const base::Deadline deadline(30s);
    const Error error = error_of([&] {
      transport::agree(bootstrap, deadline, [&]() -> std::vector<std::byte> {
        if (rank == 1) throw Error(ErrorCode::kSystem, "no memory");
        return {};
      });
    });
    EXPECT_EQ(error.code(), rank == 1 ? ErrorCode::kSystem : ErrorCode::kRejectedByPeer);
    EXPECT_THAT(error.what(), HasSubstr("no memory"));
    EXPECT_EQ(error.report().peer, rank == 1 ? -1 : 1);
    EXPECT_EQ(gather_text(bootstrap, "x").size(), 3U);
  });
}

TEST(Agreement, TheOwnFailureCountsMoreThanAMissingRank) {
  const auto worlds = World::threads(2);
  const base::Deadline deadline(50ms);
  const Error error = error_of([&] {
    transport::agree(*worlds[0].bootstrap(), deadline,
                     []() -> std::vector<std::byte> { throw Error(ErrorCode::kSystem, "no memory"); });
  });
  EXPECT_EQ(error.code(), ErrorCode::kSystem);
}

}  // namespace
}  // namespace crossdock::testing
