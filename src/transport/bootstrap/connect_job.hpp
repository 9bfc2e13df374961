// From what a launcher says of a job to the bootstrap of its ranks.
#pragma once

#include <memory>

#include "crossdock/world.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#include "transport/launcher/job.hpp"

namespace crossdock::transport {

/// Ranks find rank 0 through the launcher's store where it has one (Hydra); else at the address, and at the port that a
/// variable or the options name or at one of those that follow from the job's identity. Throws Error as connect_tcp
/// does, and naming the variable where nothing says where rank 0 is.
std::shared_ptr<Bootstrap> connect_job(const Job& job, const WorldOptions& options);

}  // namespace crossdock::transport
