// Starts a kernel while the one before it on the stream may still run.
#pragma once

#include <string_view>

#include "kernels/launch.hpp"

namespace crossdock::kernels {

/// The kernel has to call device::wait_for_earlier_kernels before it touches anything that is not its own. It has been
/// loaded with that much shared memory (load_kernel).
template <typename Args>
void launch_overlapped(std::string_view name, void (*kernel)(Args), int blocks, int threads, int smem_bytes,
                       cudaStream_t stream, const Args& args) {
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(smem_bytes);
  config.stream = stream;
  config.attrs = &overlap;
  config.numAttrs = 1;
  check_cuda(cudaLaunchKernelEx(&config, kernel, args), name);
}

}  // namespace crossdock::kernels
