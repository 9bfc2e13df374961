// Time on the GPU.
#pragma once

#include <cstdint>

namespace crossdock::device {

/// Nanoseconds, the same clock on all SMs; it ticks coarsely (about a microsecond), enough for deadlines.
__device__ __forceinline__ std::uint64_t global_timer() {
  std::uint64_t value;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(value));
  return value;
}

}  // namespace crossdock::device
