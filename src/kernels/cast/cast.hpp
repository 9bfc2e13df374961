// Launches kernels that change the form of rows. All are asynchronous and throw Error where a shape is out of range or
// the launch fails.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/cast/cast_args.hpp"
#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// Loads the kernels on the current device, once before the first launch.
LoadedKernels load_cast();

void launch_quantize(const QuantizeArgs& args, int num_sms, cudaStream_t stream);
void launch_restore(const RestoreArgs& args, int num_sms, cudaStream_t stream);
void launch_transpose_scales(const TransposeScalesArgs& args, int num_sms, cudaStream_t stream);
void launch_copy_rows(const CopyRowsArgs& args, int num_sms, cudaStream_t stream);

}  // namespace crossdock::kernels
