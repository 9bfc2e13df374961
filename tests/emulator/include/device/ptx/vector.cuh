// src/device/ptx/vector.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>

#include "device/ptx/pause.cuh"

namespace crossdock::device {

inline uint4 load_once(const uint4* address) { return *address; }

inline uint4 load_peer(const uint4* address) { return *address; }

inline uint4 load_once_if(const uint4* address, bool wanted) { return wanted ? *address : uint4{}; }

/// As on a GPU others may write meanwhile; what was read orders nothing.
template <typename Word>
Word load_peer_if(const Word* address, bool wanted) {
  return wanted ? std::atomic_ref(const_cast<Word&>(*address)).load(std::memory_order_relaxed) : Word{};
}

inline uint4 load_peer_if(const uint4* address, bool wanted) {
  const auto* halves = reinterpret_cast<const uint2*>(address);
  const uint2 low = load_peer_if(halves, wanted);
  const uint2 high = load_peer_if(halves + 1, wanted);
  return {low.x, low.y, high.x, high.y};
}

template <typename Word>
void store_peer(Word* address, Word value) {
  pause();
  std::atomic_ref(*address).store(value, std::memory_order_relaxed);
}

inline void store_peer(uint4* address, uint4 value) {
  auto* halves = reinterpret_cast<uint2*>(address);
  store_peer(halves, uint2{value.x, value.y});
  store_peer(halves + 1, uint2{value.z, value.w});
}

inline void store_once(uint4* address, uint4 value) { *address = value; }

}  // namespace crossdock::device
