// Agreement of live ranks on a new epoch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "engine/context.hpp"

namespace crossdock::engine {

/// All ranks are live, epoch 0.
Membership first_membership(int num_ranks);

/// Two rounds, so that nobody enters an epoch that another proposer has given up on: everybody proposes its epoch and
/// next sequence number, then everybody commits to the successor of the largest. `prepare` gets the new epoch before
/// this rank commits: no peer starts a call of it earlier.
void set_live_ranks(
    Context& context, std::span<const int> live,
    const std::function<void(std::int64_t)>& prepare = [](std::int64_t) {});

}  // namespace crossdock::engine
