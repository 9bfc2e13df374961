// Launches the gate kernel.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/gate/gate_args.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// Loads the kernel on the current device, once before the first launch.
LoadedKernels load_gate();

/// Asynchronous; num_sms blocks. The bits of crossdock::gate, for at most kMaxExperts (device/port/peer_port.hpp).
/// Throws Error where the shape is out of range or the launch fails.
void launch_gate(const GateArgs& args, int num_sms, cudaStream_t stream);

}  // namespace crossdock::kernels
