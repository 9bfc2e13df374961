// Pauses of random length around fences, flags and bulk stores: the fault port of the kernels, for tests of memory
// order. Only in builds with CROSSDOCK_KERNEL_PAUSES; nothing else.
#pragma once

#include <cstdint>

namespace crossdock::device {

#ifdef CROSSDOCK_KERNEL_PAUSES

/// Half of the pauses are none, most are below a microsecond, one in 64 is up to 16 microseconds. Drawn from the SM's
/// clock, so every call has others.
__device__ __forceinline__ void pause() {
  std::uint64_t random = static_cast<std::uint64_t>(clock64()) ^ (std::uint64_t{blockIdx.x} << 40 | threadIdx.x);
  random = (random ^ random >> 33) * 0xFF51'AFD7'ED55'8CCDULL;
  random = (random ^ random >> 33) * 0xC4CE'B9FE'1A85'EC53ULL;
  random ^= random >> 33;
  if ((random & 1U) != 0) return;
  const std::uint32_t longest = (random >> 1 & 31U) == 0 ? 16'384 : 512;
  __nanosleep(static_cast<std::uint32_t>(random >> 8) % longest);
}

#else

__device__ __forceinline__ void pause() {}

#endif

}  // namespace crossdock::device
