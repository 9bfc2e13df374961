#include "core/topology/topology.hpp"

#include <gtest/gtest.h>

#include "core/topology/placement.hpp"
#include "crossdock/error.hpp"

namespace crossdock::core {
namespace {

TEST(Placement, FirstRanksHoldOneMore) {
  const Placement placement{.num_experts = 7, .num_ranks = 3};  // 0 1 2 | 3 4 | 5 6
  EXPECT_EQ(placement.num_local(0), 3);
  EXPECT_EQ(placement.num_local(1), 2);
  EXPECT_EQ(placement.num_local(2), 2);
  EXPECT_EQ(placement.max_local(), 3);
  EXPECT_EQ(placement.first(1), 3);
  EXPECT_EQ(placement.first(2), 5);
  EXPECT_EQ(placement.rank_of(2), 0);
  EXPECT_EQ(placement.rank_of(3), 1);
  EXPECT_EQ(placement.rank_of(6), 2);
  EXPECT_EQ(placement.local_index(6), 1);
}

TEST(Placement, FewerExpertsThanRanks) {
  const Placement placement{.num_experts = 2, .num_ranks = 4};
  EXPECT_EQ(placement.num_local(1), 1);
  EXPECT_EQ(placement.num_local(2), 0);
  EXPECT_EQ(placement.rank_of(1), 1);
  EXPECT_EQ(placement.first(3), 2);
}

TEST(Placement, EveryExpertIsInsideItsRanksRange) {
  for (int num_ranks = 1; num_ranks <= 9; ++num_ranks) {
    for (int num_experts = 1; num_experts <= 40; ++num_experts) {
      const Placement placement{.num_experts = num_experts, .num_ranks = num_ranks};
      int total = 0;
      for (int rank = 0; rank < num_ranks; ++rank) {
        ASSERT_EQ(placement.first(rank), total);
        for (int local = 0; local < placement.num_local(rank); ++local) {
          ASSERT_EQ(placement.rank_of(total + local), rank);
          ASSERT_EQ(placement.local_index(total + local), local);
        }
        total += placement.num_local(rank);
      }
      ASSERT_EQ(total, num_experts);
    }
  }
}

TEST(Topology, NodesAndRails) {
  const Topology topology = make_topology(6, 3);
  EXPECT_EQ(topology.num_nodes(), 2);
  EXPECT_EQ(topology.node_of(2), 0);
  EXPECT_EQ(topology.node_of(3), 1);
  EXPECT_EQ(topology.rail_of(4), 1);
  EXPECT_EQ(topology.rail_peer(4, 0), 1);
  EXPECT_EQ(topology.rail_peer(2, 1), 5);
}

TEST(Topology, ZeroMeansOneNode) {
  EXPECT_EQ(make_topology(5, 0).num_nodes(), 1);
  EXPECT_EQ(make_topology(5, 1).num_nodes(), 5);
}

TEST(Topology, RejectsWhatDoesNotDivide) {
  EXPECT_THROW(make_topology(6, 4), Error);
  EXPECT_THROW(make_topology(6, -2), Error);
  EXPECT_THROW(make_topology(6, 12), Error);
  EXPECT_THROW(make_topology(0, 0), Error);
}

}  // namespace
}  // namespace crossdock::core
