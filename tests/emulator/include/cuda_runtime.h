// What nvcc gives a .cu file, for a compiler of C++: the words of the language, and launching kernels.
#pragma once

#include <cuda_runtime_api.h>

#include "runtime/launch.hpp"
#include "simt/builtins.hpp"

/// Compute capability 9.0.
#define __CUDA_ARCH__ 900

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __shared__ thread_local  // simt/shared_memory.hpp
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

/// As CUDA's: arguments are converted to the kernel's and copied.
template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  return crossdock::emulator::launch(
      *config, reinterpret_cast<const void*>(kernel),
      [kernel, copied = std::tuple<std::remove_const_t<Parameters>...>(std::forward<Arguments>(arguments)...)] {
        std::apply(kernel, copied);
      });
}
