// Combine's view of a token: the rows that are added up for it, in the order of the tree.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cpu/fast/rank_rows.hpp"
#include "cpu/fast/reduce.hpp"
#include "cpu/fast/row_kernels.hpp"
#include "cpu/fast/token_runs.hpp"

namespace crossdock::cpu {

/// Lists the terms of consecutive tokens, a run at a time.
class TermList {
 public:
  /// From token `begin` on. `job` outlives this.
  TermList(const ReduceJob& job, std::int64_t begin);

  /// Lists the next tokens [begin, end), at most kTokensAtOnce.
  void list(std::int64_t begin, std::int64_t end);

  /// The terms of a token of the last list in ascending (rank, k); kFlat has one a rank.
  std::span<const SumTerm> of(std::int64_t token) const;

 private:
  struct Ranked {
    int rank;
    SumTerm term;
  };
  void take_ranks(std::int64_t token);
  void sort_selections(std::int64_t token);
  void mark_ends();
  const std::byte* row_at(int rank, int entry, std::int64_t ordinal) const;

  const ReduceJob& job_;
  std::size_t row_bytes_;
  RankRows rank_rows_;
  std::int64_t begin_ = 0;
  std::vector<Ranked> token_terms_;  ///< of one token
  std::vector<SumTerm> terms_;
  std::array<std::size_t, kTokensAtOnce + 1> first_{};  ///< where each token's terms begin
};

}  // namespace crossdock::cpu
