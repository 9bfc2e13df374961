#include "crossdock/experts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "../expect_rejected.hpp"
#include "crossdock/error.hpp"

namespace crossdock {
namespace {

using test::expect_rejected;

TEST(ExpertPlacement, FirstRanksHoldOneMore) {
  const ExpertPlacement placement{.num_experts = 7, .num_ranks = 3};  // 0 1 2 | 3 4 | 5 6
  EXPECT_EQ(placement.num_local(0), 3);
  EXPECT_EQ(placement.num_local(2), 2);
  EXPECT_EQ(placement.max_local(), 3);
  EXPECT_EQ(placement.first(1), 3);
  EXPECT_EQ(placement.first(2), 5);
  EXPECT_EQ(placement.rank_of(2), 0);
  EXPECT_EQ(placement.rank_of(3), 1);
  EXPECT_EQ(placement.rank_of(6), 2);
  EXPECT_EQ(placement.local_index(6), 1);
}

/// Walks the ranks in order; false at the first expert that is elsewhere by another function.
bool every_expert_has_one_place(const ExpertPlacement& placement) {
  int expert = 0;
  for (int rank = 0; rank < placement.num_ranks; ++rank) {
    if (placement.first(rank) != expert) return false;
    for (int local = 0; local < placement.num_local(rank); ++local, ++expert) {
      if (placement.rank_of(expert) != rank || placement.local_index(expert) != local) return false;
    }
  }
  return expert == placement.num_experts;
}

TEST(ExpertPlacement, EveryExpertHasOnePlace) {
  for (int num_experts = 1; num_experts <= 20; ++num_experts) {
    for (int num_ranks = 1; num_ranks <= 24; ++num_ranks) {
      EXPECT_TRUE(every_expert_has_one_place({.num_experts = num_experts, .num_ranks = num_ranks}))
          << num_experts << " experts, " << num_ranks << " ranks";
    }
  }
}

TEST(ExpertPlacement, NumbersOutOfRangeAreRefused) {
  const ExpertPlacement placement{.num_experts = 7, .num_ranks = 3};
  expect_rejected("rank: expected [0, 2], got 3", [&] { placement.num_local(3); });
  expect_rejected("rank: expected [0, 2], got -1", [&] { placement.first(-1); });
  expect_rejected("expert: expected [0, 6], got 7", [&] { placement.rank_of(7); });
  expect_rejected("expert: expected [0, 6], got -1", [&] { placement.local_index(-1); });
  expect_rejected("num_experts", [] { ExpertPlacement{}.max_local(); });
  expect_rejected("num_ranks", [] { ExpertPlacement{.num_experts = 1, .num_ranks = 0}.first(0); });
}

}  // namespace
}  // namespace crossdock
