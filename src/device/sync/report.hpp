// What a wait left behind, in words.
#pragma once

#include "crossdock/error.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::device {

/// An Error(kDeadlineExceeded) that names operation, phase, rank and peer.
Error deadline_error(const WaitReport& report);

}  // namespace crossdock::device
