// One warp copies bytes, sixteen a lane: for GPUs without bulk copies, and for rows beside them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/ptx/vector.cuh"

namespace crossdock::device {

/// `bytes` and both addresses are multiples of 16. `from` is not written while the kernel runs.
__device__ __forceinline__ void warp_copy(std::byte* to, const std::byte* from, std::uint32_t bytes) {
  constexpr int kUnroll = 4;
  const auto* source = reinterpret_cast<const uint4*>(from);
  auto* target = reinterpret_cast<uint4*>(to);
  const std::uint32_t count = bytes / sizeof(uint4);
  std::uint32_t at = threadIdx.x % warpSize;
  for (; at + (kUnroll - 1) * warpSize < count; at += kUnroll * warpSize) {
    uint4 values[kUnroll];
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) values[i] = load_once(source + at + i * warpSize);
#pragma unroll
    for (int i = 0; i < kUnroll; ++i) store_once(target + at + i * warpSize, values[i]);
  }
  for (; at < count; at += warpSize) store_once(target + at, load_once(source + at));
}

}  // namespace crossdock::device
