// src/device/ptx/clock.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace crossdock::device {

inline std::uint64_t global_timer() { return static_cast<std::uint64_t>(clock64()); }

}  // namespace crossdock::device
