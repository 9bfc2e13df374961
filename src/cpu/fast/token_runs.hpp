// Tokens are prepared a few at once, then their rows are moved: what comes between two rows leaves the memory idle for
// longer than it takes.
#pragma once

#include <algorithm>
#include <cstdint>

namespace crossdock::cpu {

inline constexpr std::int64_t kTokensAtOnce = 64;

/// Calls run(first, last) for consecutive parts [first, last) of [begin, end), at most kTokensAtOnce long.
template <typename Run>
void for_each_run(std::int64_t begin, std::int64_t end, const Run& run) {
  for (std::int64_t first = begin; first < end; first += kTokensAtOnce) {
    run(first, std::min(first + kTokensAtOnce, end));
  }
}

}  // namespace crossdock::cpu
