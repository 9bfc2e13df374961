// The start of a job: what a rank waits for before its first call.
#pragma once

#include "harness/job.hpp"
#include "harness/session.hpp"

namespace crossdock::peers {

/// Collective. The operation "start" makes a World from the environment and a Group for the job in throughput mode.
/// Those of the run before go first, untimed.
Operation starts(const Job& job);

}  // namespace crossdock::peers
