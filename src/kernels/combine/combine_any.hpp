// Launches the kernel for what the fast combine does not do: fp16 and fp32, other wire and output types, rows by
// selection, rounded node sums.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/combine/combine_args.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

LoadedKernels load_combine_any();

/// As launch_combine.
void launch_combine_any(const CombineArgs& args, int num_sms, cudaStream_t stream);

/// Throws Error(kInvalidArgument) where a combine is out of range; a call that its own rank rejected is not looked at.
void check_combine_shape(const CombineArgs& args, int num_sms);

}  // namespace crossdock::kernels
