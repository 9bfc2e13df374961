#include "core/topology/placement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/topology/topology.hpp"
#include "crossdock/error.hpp"

namespace crossdock::core {

int Placement::num_local(int rank) const { return num_experts / num_ranks + (rank < num_experts % num_ranks ? 1 : 0); }

int Placement::first(int rank) const {
  return rank * (num_experts / num_ranks) + std::min(rank, num_experts % num_ranks);
}

int Placement::rank_of(int expert) const {
  const int small = num_experts / num_ranks;
  const int num_large = num_experts % num_ranks;
  const int in_large = num_large * (small + 1);
  return expert < in_large ? expert / (small + 1) : num_large + (expert - in_large) / small;
}

Topology make_topology(int num_ranks, int ranks_per_node) {
  if (num_ranks < 1) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("num_ranks: expected at least 1, got {}", num_ranks));
  }
  if (ranks_per_node == 0) ranks_per_node = num_ranks;
  if (ranks_per_node < 0 || num_ranks % ranks_per_node != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("ranks_per_node: expected a divisor of {} ranks, got {}", num_ranks, ranks_per_node));
  }
  return {.num_ranks = num_ranks, .ranks_per_node = ranks_per_node};
}

}  // namespace crossdock::core
