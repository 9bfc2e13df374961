// How a kernel gets onto a stream.
#pragma once

#include <functional>

#include "cuda_runtime_api.h"

namespace crossdock::emulator {

/// What cudaLaunchKernelEx answers, and the thread's cudaGetLastError afterwards. `kernel` is the function whose
/// attributes count; each thread of each block calls `body`.
cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> body);

}  // namespace crossdock::emulator
