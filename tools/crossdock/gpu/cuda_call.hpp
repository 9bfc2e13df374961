// Refusals of CUDA as Errors. For the sources of this folder that are built with CUDA.
#pragma once

#include <cuda_runtime_api.h>

namespace crossdock::tools::gpu {

/// Throws Error (kSystem): "cudaMalloc: out of memory".
void check(cudaError_t status, const char* call);

inline cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }

}  // namespace crossdock::tools::gpu
