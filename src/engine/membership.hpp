// Agreement of live ranks on a new epoch.
#pragma once

#include <memory>
#include <span>

#include "engine/context.hpp"

namespace crossdock::engine {

/// All ranks are live, epoch 0.
Membership first_membership(int num_ranks);

/// Two rounds, so that nobody enters an epoch that another proposer has given up on: everybody proposes its epoch and
/// next sequence number, then everybody commits to the successor of the largest.
void set_live_ranks(Context& context, std::span<const int> live);

}  // namespace crossdock::engine
