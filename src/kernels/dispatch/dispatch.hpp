// Launches the dispatch kernel.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/dispatch/dispatch_args.hpp"
#include "kernels/dispatch/dispatch_variant.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// The variants that exist; the first one is the default.
std::span<const DispatchVariant> dispatch_variants();

/// Loads the kernels on the current device, once before the first launch.
LoadedKernels load_dispatch();

/// One block an SM, num_sms from 1 up. Asynchronous: when it is done on the stream, this rank's rows have arrived.
/// Throws Error where the shape is out of range, no such variant exists or the launch fails.
void launch_dispatch(const DispatchArgs& args, int num_sms, const DispatchVariant& variant, cudaStream_t stream);

}  // namespace crossdock::kernels
