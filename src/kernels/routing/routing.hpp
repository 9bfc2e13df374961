// Launches the routing kernel.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "kernels/routing/routing_args.hpp"

namespace crossdock::kernels {

/// Bytes of a RoutingScratch for up to that many tokens: one piece of device memory, cut by routing_scratch.
std::size_t routing_scratch_bytes(int max_tokens);
RoutingScratch routing_scratch(void* memory, int max_tokens);

/// Loads the kernel on the current device: a first use may wait for a kernel that waits for this rank.
void load_routing();

/// Asynchronous. Throws Error where the shape is out of range or the launch fails.
void launch_routing(const RoutingArgs& args, cudaStream_t stream);

}  // namespace crossdock::kernels
