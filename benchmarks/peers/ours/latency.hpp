// Latency mode: a dispatch and a combine, each sent and received at once.
#pragma once

#include "crossdock/crossdock.hpp"
#include "harness/job.hpp"
#include "harness/session.hpp"

namespace crossdock::peers {

/// Collective. The operation "pair" does many pairs in a row: its seconds are of one. `max_tokens` is the T_max of the
/// group, `job.tokens` what each rank sends.
Operation latency_pairs(Group& group, const Job& job);

Group make_latency_group(const World& world, const Job& job, int max_tokens);

}  // namespace crossdock::peers
