// Refusals of the CUDA runtime as Errors.
#pragma once

#include <cuda_runtime_api.h>

#include <string_view>

namespace crossdock::kernels {

/// Throws Error(kSystem) that names the call and CUDA's reason.
void check_cuda(cudaError_t status, std::string_view what);

/// After a launch.
void check_launch(std::string_view kernel);

/// Lets a kernel use that much dynamic shared memory on the current device.
void allow_shared_memory(const void* kernel, int bytes);

}  // namespace crossdock::kernels
