// Starting a kernel by a call, which any compiler of C++ reads. For the .cu files of this folder.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "gpu/cuda_call.hpp"

namespace crossdock::tools::gpu {

struct LaunchShape {
  dim3 blocks = {};
  int threads = 1;             ///< of a block
  std::size_t smem_bytes = 0;  ///< dynamic shared memory of a block
};

/// Before any rank may wait in a kernel: a kernel that is loaded while another one waits may wait for it.
template <typename... Parameters>
void load(const char* name, void (*kernel)(Parameters...)) {
  cudaFuncAttributes attributes{};
  check(cudaFuncGetAttributes(&attributes, kernel), name);
}

template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape, cudaStream_t stream,
            Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = shape.blocks;
  config.blockDim = dim3(static_cast<unsigned>(shape.threads));
  config.dynamicSmemBytes = shape.smem_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
}

}  // namespace crossdock::tools::gpu
