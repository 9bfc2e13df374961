// The bootstrap of ranks that already have an exchange of their own.
#pragma once

#include <chrono>
#include <memory>

#include "crossdock/world.hpp"
#include "transport/bootstrap/bootstrap.hpp"

namespace crossdock::transport {

/// Collective: one exchange of a few bytes, which also finds out whether all ranks are threads of one process. Whatever
/// sizes ranks have, the callback sees equal ones: sizes first, then the bytes, padded to the largest.
std::shared_ptr<Bootstrap> make_by_all_gather(int rank, int num_ranks, AllGather all_gather,
                                              std::chrono::milliseconds deadline);

}  // namespace crossdock::transport
