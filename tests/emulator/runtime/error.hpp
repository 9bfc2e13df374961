// What calls answer.
#pragma once

#include "cuda_runtime_api.h"

namespace crossdock::emulator {

/// Hands the answer of a call through; the thread's next cudaGetLastError tells of it where it is a failure.
cudaError_t answer(cudaError_t error);

}  // namespace crossdock::emulator
