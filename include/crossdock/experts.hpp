// Which rank holds which expert.
#pragma once

namespace crossdock {

/// Experts lie on the ranks in order; where num_experts % num_ranks is not 0 the first ranks hold one more. Every
/// function throws Error(kInvalidArgument) where a number is out of range: num_experts and num_ranks are at least 1.
struct ExpertPlacement {
  int num_experts = 0;  ///< E
  int num_ranks = 1;    ///< R

  /// Experts that the rank holds; 0 where there are fewer experts than ranks.
  int num_local(int rank) const;
  /// The rank's first expert: it holds [first(rank), first(rank) + num_local(rank)).
  int first(int rank) const;
  /// The rank that holds an expert of [0, E).
  int rank_of(int expert) const;
  /// Which of its rank's experts it is, from 0: what topk_idx of kFlat, row_expert and tokens_per_expert count in.
  int local_index(int expert) const;
  /// Experts that rank 0 holds: no rank has more.
  int max_local() const;
};

}  // namespace crossdock
