// A step of start-up that succeeds on all ranks or on none.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/clock.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::transport {

/// Collective. Runs `step` and gathers what it returns, by rank. Where it throws on some rank, that rank gets its own
/// exception and the others an Error(kRejectedByPeer) that quotes it, at once rather than at the deadline.
std::vector<std::vector<std::byte>> agree(Bootstrap& bootstrap, const base::Deadline& deadline,
                                          const std::function<std::vector<std::byte>()>& step);

}  // namespace crossdock::transport
