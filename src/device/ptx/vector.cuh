// Sixteen bytes a thread.
#pragma once

#include <cstdint>

#include "device/ptx/pause.cuh"

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

/// Each half comes whole.
__device__ __forceinline__ uint4 load_peer_if(const uint4* address, bool wanted) {
  ulonglong2 value{};
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %3, 0; @p ld.relaxed.sys.global.L1::no_allocate.v2.u64 {%0, %1}, [%2]; }"
               : "+l"(value.x), "+l"(value.y)
               : "l"(address), "r"(static_cast<std::uint32_t>(wanted))
               : "memory");
  return *reinterpret_cast<const uint4*>(&value);
}

/// To a peer that watches the memory: each half arrives whole.
__device__ __forceinline__ void store_peer(uint4* address, uint4 value) {
  pause();
  const auto& halves = *reinterpret_cast<const ulonglong2*>(&value);
  asm volatile("st.relaxed.sys.global.L1::no_allocate.v2.u64 [%0], {%1, %2};" ::"l"(address), "l"(halves.x),
               "l"(halves.y)
               : "memory");
}

__device__ __forceinline__ void store_peer(uint2* address, uint2 value) {
  pause();
  asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(address),
               "l"(*reinterpret_cast<const std::uint64_t*>(&value))
               : "memory");
}

__device__ __forceinline__ void store_peer(std::uint32_t* address, std::uint32_t value) {
  asm volatile("st.relaxed.sys.global.u32 [%0], %1;" ::"l"(address), "r"(value) : "memory");
}

__device__ __forceinline__ std::uint32_t load_peer_if(const std::uint32_t* address, bool wanted) {
  std::uint32_t value = 0;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p ld.relaxed.sys.global.u32 %0, [%1]; }"
               : "+r"(value)
               : "l"(address), "r"(static_cast<std::uint32_t>(wanted))
               : "memory");
  return value;
}

__device__ __forceinline__ std::uint64_t load_peer_if(const std::uint64_t* address, bool wanted) {
  std::uint64_t value = 0;
  asm volatile("{ .reg .pred p; setp.ne.u32 p, %2, 0; @p ld.relaxed.sys.global.u64 %0, [%1]; }"
               : "+l"(value)
               : "l"(address), "r"(static_cast<std::uint32_t>(wanted))
               : "memory");
  return value;
}

__device__ __forceinline__ uint2 load_peer_if(const uint2* address, bool wanted) {
  const std::uint64_t value = load_peer_if(reinterpret_cast<const std::uint64_t*>(address), wanted);
  return *reinterpret_cast<const uint2*>(&value);
}

__device__ __forceinline__ void store_once(uint4* address, uint4 value) {
  asm volatile("st.global.L1::no_allocate.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(address), "r"(value.x), "r"(value.y),
               "r"(value.z), "r"(value.w)
               : "memory");
}

}  // namespace crossdock::device
