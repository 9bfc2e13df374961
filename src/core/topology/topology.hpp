// Ranks, nodes and rails.
#pragma once

namespace crossdock::core {

/// Ranks are numbered node by node.
struct Topology {
  int num_ranks = 1;
  int ranks_per_node = 1;

  int num_nodes() const { return num_ranks / ranks_per_node; }
  int node_of(int rank) const { return rank / ranks_per_node; }
  /// The rail: ranks of equal local index on different nodes.
  int rail_of(int rank) const { return rank % ranks_per_node; }
  /// The rank of `node` on the rail of `rank`.
  int rail_peer(int rank, int node) const { return node * ranks_per_node + rail_of(rank); }
};

/// ranks_per_node 0 = all ranks are one node. Throws Error where it does not divide num_ranks.
Topology make_topology(int num_ranks, int ranks_per_node);

}  // namespace crossdock::core
