// Which rank holds which expert: contiguous, the first E % R ranks hold one more.
#pragma once

namespace crossdock::core {

struct Placement {
  int num_experts = 0;
  int num_ranks = 1;

  int num_local(int rank) const;
  int max_local() const { return num_local(0); }
  /// First expert of a rank.
  int first(int rank) const;
  int rank_of(int expert) const;
  int local_index(int expert) const { return expert - first(rank_of(expert)); }
};

}  // namespace crossdock::core
