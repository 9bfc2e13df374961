// All kernels at once.
#pragma once

#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// Loads every kernel on the current device, once before the first launch there: a first use may wait for a kernel that
/// waits for this very rank.
LoadedKernels load_kernels();

}  // namespace crossdock::kernels
