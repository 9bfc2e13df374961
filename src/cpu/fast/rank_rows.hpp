// Which ranks have a row of a token, told without a look at its selections.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/routing/route.hpp"

namespace crossdock::cpu {

/// Rows of a rank are numbered as its tokens are: a place in each rank's list of tokens is enough to walk all of them.
class RankRows {
 public:
  /// From the token `begin` on. `route` outlives this.
  RankRows(const core::Route& route, std::int64_t begin) : route_(route) {
    for (const auto& tokens : route.tokens_to) {
      next_.push_back(std::ranges::lower_bound(tokens, static_cast<std::int32_t>(begin)) - tokens.begin());
    }
  }

  /// Calls take(rank, ordinal of the row at that rank), ranks ascending. Tokens come one after the other.
  template <typename Take>
  void take(std::int64_t token, Take&& take) {
    for (std::size_t rank = 0; rank < next_.size(); ++rank) {
      const auto& tokens = route_.tokens_to[rank];
      std::int64_t& next = next_[rank];
      if (next == std::ssize(tokens) || tokens[static_cast<std::size_t>(next)] != token) continue;
      take(static_cast<int>(rank), next);
      ++next;
    }
  }

 private:
  const core::Route& route_;
  std::vector<std::int64_t> next_;  ///< [R]
};

}  // namespace crossdock::cpu
