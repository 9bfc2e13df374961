// One rank's part of a case: the calls, and the comparison of what they return.
#pragma once

#include <cstddef>

#include "check/material.hpp"
#include "crossdock/world.hpp"
#include "launch/rendezvous.hpp"

namespace crossdock::tools::check {

/// Returns the bytes compared. Throws where something differs (after all calls are made, so that the other ranks can
/// finish), and whatever the library throws unexpectedly.
std::size_t run_rank(const Case& made, const World& world, Rendezvous& rendezvous);

}  // namespace crossdock::tools::check
