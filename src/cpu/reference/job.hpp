// The call of all ranks that a reference run computes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/topology/placement.hpp"
#include "core/topology/topology.hpp"
#include "crossdock/reference.hpp"

namespace crossdock::reference {

/// A dispatch that has been checked. Entries of ranks that are not live are never looked at.
struct Job {
  core::Placement placement = {};
  core::Topology topology = {};
  std::int64_t latency_max_tokens = 0;
  std::vector<int> live = {};  ///< ascending, at least one
  std::span<const DispatchInput> inputs = {};
  std::span<const DispatchOptions> options = {};

  int num_ranks() const { return placement.num_ranks; }
  bool is_live(int rank) const;
  /// What all live ranks agree on.
  const DispatchOptions& common() const { return options[static_cast<std::size_t>(live.front())]; }
  Layout layout() const { return common().layout; }
  int top_k() const;
  /// T of a rank; 0 where it is not live.
  std::int64_t num_tokens(int rank) const;
  /// Global expert of a selection; -1 where there is none, or its rank is not live.
  int expert_of(int source, std::int64_t token, int k) const;
  /// Rank of a selection, or -1.
  int rank_of(int source, std::int64_t token, int k) const;
  /// True where one of the token's experts is on `rank`.
  bool goes_to(int source, std::int64_t token, int rank) const;
};

/// Throws InvalidArgument, or OptionsMismatch where ranks disagree.
Job checked_job(const Problem& problem, std::span<const DispatchInput> inputs,
                std::span<const DispatchOptions> options);

}  // namespace crossdock::reference
