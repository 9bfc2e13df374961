// The bootstrap of ranks that are threads of one process.
#pragma once

#include <memory>
#include <vector>

#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::transport {

/// One for each rank, in rank order. A rank whose bootstrap is destroyed fails the exchanges that still need it, at
/// once.
std::vector<std::shared_ptr<Bootstrap>> make_in_process(int num_ranks);

}  // namespace crossdock::transport
