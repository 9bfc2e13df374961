// Launches the routing kernel.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/launch.hpp"
#include "kernels/routing/routing_args.hpp"

namespace crossdock::kernels {

/// Loads the kernel on the current device: a first use may wait for a kernel that waits for this rank.
LoadedKernels load_routing();

/// Asynchronous. Throws Error where the shape is out of range or the launch fails.
void launch_routing(const RoutingArgs& args, cudaStream_t stream);

}  // namespace crossdock::kernels
