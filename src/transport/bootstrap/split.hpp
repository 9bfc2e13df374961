// Sub-groups of the ranks of a bootstrap.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::transport {

/// What a rank asks of a split.
struct SplitChoice {
  int color = 0;
  int key = 0;
};

/// The ranks of `rank`'s color in the order of the sub-group: by key, then by rank. Empty where its color is negative.
std::vector<int> members_of(std::span<const SplitChoice> choices, int rank);

/// Collective over the parent. A bootstrap among the ranks of this color, which needs the parent no longer; none where
/// the color is negative. Threads of one process meet in memory; processes over TCP, at the sub-group's first rank: on
/// the loopback interface where all of them are on one machine, else at an address that the first rank says it has.
/// Fails on all ranks of the parent where a sub-group's first rank cannot begin; what goes wrong later is the
/// sub-group's own affair.
std::shared_ptr<Bootstrap> split(Bootstrap& parent, const SplitChoice& choice, std::chrono::milliseconds at_most);

}  // namespace crossdock::transport
