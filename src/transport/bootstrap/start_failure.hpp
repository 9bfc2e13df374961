// Rank 0 that cannot start says so to the others, at ports that follow from the job and its place.
#pragma once

#include <string>
#include <vector>

#include "transport/bootstrap/frame.hpp"
#include "transport/bootstrap/meeting.hpp"

namespace crossdock::transport {

/// The job's name at those ports. Ranks that were given the same place have the same one.
std::string start_failure_identity(const Meeting& meeting);

/// Where other ranks ask: on their own machine, and on rank 0's as it was named to them.
std::vector<Endpoint> start_failure_endpoints(const Meeting& meeting);

/// Tells the failure to every rank that asks, until all have or the meeting's deadline. Never throws: where it cannot
/// listen the others wait until their deadline.
void tell_start_failure(const Meeting& meeting, const Failure& failure) noexcept;

}  // namespace crossdock::transport
