// What a wait left behind, in words.
#pragma once

#include "crossdock/error.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::device {

/// kDeadlineExceeded, kAborted where a peer gave up first, or kInvalidArgument for an index out of range; names
/// operation, phase, rank and peer.
Error error_of(const WaitReport& report);

}  // namespace crossdock::device
