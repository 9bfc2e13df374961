// Launches the combine kernel.
#pragma once

#include <cuda_runtime_api.h>

#include <span>

#include "kernels/combine/combine_args.hpp"
#include "kernels/combine/combine_variant.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// The variants that exist; the first one is the default.
std::span<const CombineVariant> combine_variants();

/// Loads the kernels on the current device, once before the first launch.
LoadedKernels load_combine();

/// The fast kernel for bf16, combine_any for all else, which is slower and has no variants. One block an SM, num_sms
/// from 1 up. Asynchronous: when it is done on the stream, y is complete and all peers have read this rank's rows.
/// Where the call failed (args.outcome), y is not written; where a wait gave up, it is not defined. Throws Error where
/// the shape is out of range, no such variant exists or the launch fails.
void launch_combine(const CombineArgs& args, int num_sms, const CombineVariant& variant, cudaStream_t stream);

}  // namespace crossdock::kernels
