// Memory that is read for its cache's sake.
#pragma once

#include <cstdint>

namespace crossdock::device {

/// The value has to be in a register here.
__device__ __forceinline__ void touch(std::uint32_t value) { asm volatile("" ::"r"(value)); }

}  // namespace crossdock::device
