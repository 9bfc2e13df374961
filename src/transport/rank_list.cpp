#include "transport/rank_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace crossdock::transport {

std::string describe_ranks(const std::vector<int>& ranks) {
  if (ranks.empty()) return "no rank";
  if (ranks.size() == 1) return fmt::format("rank {}", ranks.front());
  return fmt::format("ranks {} and {}", fmt::join(ranks.begin(), ranks.end() - 1, ", "), ranks.back());
}

}  // namespace crossdock::transport
