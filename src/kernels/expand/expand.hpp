// Launches the expand kernel.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/expand/expand_args.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// Loads the kernel on the current device: a first use may wait for a kernel that waits for this rank.
LoadedKernels load_expand();

/// One block an SM, num_sms from 1 up. Asynchronous, and waits for nobody: it follows the dispatch on its stream.
/// Throws Error where the shape is out of range or the launch fails.
void launch_expand(const ExpandArgs& args, int num_sms, cudaStream_t stream);

}  // namespace crossdock::kernels
