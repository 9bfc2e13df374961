// Meeting where mpiexec keeps a key-value space for the ranks.
#pragma once

#include <memory>

#include "transport/bootstrap/bootstrap.hpp"
#include "transport/bootstrap/meeting.hpp"

namespace crossdock::transport {

/// Rank 0 listens at the meeting's one endpoint (an empty address: on all interfaces; port 0: any) and publishes where,
/// with an identity that is drawn by lot; or why it cannot, which fails all at once.
std::shared_ptr<Bootstrap> meet_by_pmi(Meeting meeting, int pmi_fd);

}  // namespace crossdock::transport
