// Refusals as Errors. Kernel sources do without fmt: nvcc 13.0 rejects its consteval strings.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string_view>

namespace crossdock::kernels {

/// Throws Error(kSystem) that names the call and CUDA's reason.
void check_cuda(cudaError_t status, std::string_view what);

/// Throws Error(kInvalidArgument): "dispatch: num_sms: expected 1 to 256, got 0".
[[noreturn]] void refuse(std::string_view kernel, std::string_view what, std::string_view expected, std::int64_t got);

/// Lets a kernel use that much dynamic shared memory on the current device.
void allow_shared_memory(const void* kernel, int bytes);

/// Loads a kernel on the current device and lets it use that much dynamic shared memory.
void load_kernel(const void* kernel, int smem_bytes);

template <typename Args>
void load_kernel(void (*kernel)(Args), int smem_bytes) {
  load_kernel(reinterpret_cast<const void*>(kernel), smem_bytes);
}

}  // namespace crossdock::kernels
