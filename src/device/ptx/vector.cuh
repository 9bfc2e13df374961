// Sixteen bytes a thread.
#pragma once

#include <cstdint>

namespace crossdock::device {

/// For memory that nobody writes while the kernel runs; leaves the L1 cache alone.
__device__ __forceinline__ uint4 load_once(const uint4* address) {
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(address));
  return value;
}

/// For memory that another GPU wrote before an acquired signal: never through the read-only path.
__device__ __forceinline__ uint4 load_peer(const uint4* address) {
  uint4 value;
  asm volatile("ld.relaxed.sys.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(address)
               : "memory");
  return value;
}

/// load_once and load_peer where `wanted`, else 0: without a branch, so that several are in flight together.
__device__ __forceinline__ uint4 load_once_if(const uint4* address, bool wanted) {
  uint4 value{};
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %5, 0; @p ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4]; }"
               : "+r"(value.x), "+r"(value.y), "+r"(value.z), "+r"(value.w)
               : "l"(address), "r"(static_cast<std::uint32_t>(wanted)));
  return value;
}

__device__ __forceinline__ uint4 load_peer_if(const uint4* address, bool wanted) {
  uint4 value{};
  asm volatile(
      "{ .reg .pred p; setp.ne.u32 p, %5, 0; @p ld.relaxed.sys.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4]; }"
      : "+r"(value.x), "+r"(value.y), "+r"(value.z), "+r"(value.w)
      : "l"(address), "r"(static_cast<std::uint32_t>(wanted))
      : "memory");
  return value;
}

__device__ __forceinline__ void store_once(uint4* address, uint4 value) {
  asm volatile("st.global.L1::no_allocate.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(address), "r"(value.x), "r"(value.y),
               "r"(value.z), "r"(value.w)
               : "memory");
}

}  // namespace crossdock::device
