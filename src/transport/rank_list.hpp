// Ranks in messages.
#pragma once

#include <string>
#include <vector>

namespace crossdock::transport {

/// "rank 3", "ranks 1, 3 and 7".
std::string describe_ranks(const std::vector<int>& ranks);

}  // namespace crossdock::transport
