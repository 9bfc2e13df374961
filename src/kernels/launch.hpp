// Refusals as Errors. Kernel sources do without fmt: nvcc 13.0 rejects its consteval strings.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crossdock::kernels {

/// Throws Error(kSystem) that names the call and CUDA's reason.
void check_cuda(cudaError_t status, std::string_view what);

/// Throws Error(kInvalidArgument): "dispatch: num_sms: expected 1 to 256, got 0".
[[noreturn]] void refuse(std::string_view kernel, std::string_view what, std::string_view expected, std::int64_t got);

/// Lets a kernel use that much dynamic shared memory on the current device.
void allow_shared_memory(const void* kernel, int bytes);

/// A kernel as it is launched.
struct LoadedKernel {
  std::string name;  ///< of the kernel and its variant
  const void* kernel = nullptr;
  int threads = 0;     ///< of a block
  int smem_bytes = 0;  ///< dynamic shared memory of a block, at most
};
using LoadedKernels = std::vector<LoadedKernel>;

/// Loads a kernel on the current device and lets it use that much dynamic shared memory.
LoadedKernel load_kernel(std::string name, const void* kernel, int threads, int smem_bytes);

template <typename Args>
LoadedKernel load_kernel(std::string name, void (*kernel)(Args), int threads, int smem_bytes) {
  return load_kernel(std::move(name), reinterpret_cast<const void*>(kernel), threads, smem_bytes);
}

}  // namespace crossdock::kernels
