// Words of an area that nobody has written, and rows that look like them.
#pragma once

#include <cstdint>

#include "device/port/latency_area.hpp"
#include "device/ptx/order.cuh"
#include "device/ptx/vector.cuh"

namespace crossdock::device {

inline constexpr std::uint32_t kEmptyWord = 0x0101'0101U * kEmptyByte;

__device__ __forceinline__ bool looks_empty(std::uint32_t word) { return word == kEmptyWord; }
__device__ __forceinline__ bool looks_empty(uint2 word) { return (word.x & word.y) == kEmptyWord; }
/// One half of it.
__device__ __forceinline__ bool looks_empty(const uint4& vector) {
  return (vector.x & vector.y) == kEmptyWord || (vector.z & vector.w) == kEmptyWord;
}

__device__ __forceinline__ void make_empty(uint4* address) {
  store_peer(address, uint4{kEmptyWord, kEmptyWord, kEmptyWord, kEmptyWord});
}
__device__ __forceinline__ void make_empty(uint2* address) { store_peer(address, uint2{kEmptyWord, kEmptyWord}); }
__device__ __forceinline__ void make_empty(std::uint32_t* address) { store_peer(address, kEmptyWord); }

/// Where something that is here looks as if it were not, its source sets a mark behind a fence. Looked at rarely: rows
/// have such words only where they were given bit by bit.
__device__ __forceinline__ bool is_marked(const std::uint64_t* mark, std::uint64_t tag) {
  return load_acquire_sys(mark) == tag;
}
inline constexpr unsigned kPollsBetweenMarks = 8;

}  // namespace crossdock::device
