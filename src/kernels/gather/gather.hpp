// Launches the gather kernel.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/gather/gather_args.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// Loads the kernel on the current device: a first use may wait for a kernel that waits for this rank.
LoadedKernels load_gather();

/// At most num_sms blocks. Every live rank launches it for every combine of an expert layout, also for one that it
/// rejected (terms.rejected), so that tags stay equal. Weights given at combine may be read by peers until that combine
/// ends; with kOwn no other gather may begin before.
/// Throws Error where the shape is out of range or the launch fails.
void launch_gather(const GatherArgs& args, int num_sms, cudaStream_t stream);

}  // namespace crossdock::kernels
