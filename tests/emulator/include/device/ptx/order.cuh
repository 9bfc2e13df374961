// src/device/ptx/order.cuh on this processor, whose scopes are all the system's.
#pragma once

#include <cuda_runtime.h>

#include <atomic>
#include <cstdint>

#include "device/ptx/pause.cuh"

namespace crossdock::device {

/// std::atomic_ref of C++20 takes no const.
template <typename Word>
Word load(const Word* word, std::memory_order order) {
  return std::atomic_ref(const_cast<Word&>(*word)).load(order);
}

inline std::uint64_t load_acquire_sys(const std::uint64_t* word) {
  const std::uint64_t value = load(word, std::memory_order_acquire);
  pause();
  return value;
}

template <typename Word>
Word load_relaxed(const Word* word) {
  const Word value = load(word, std::memory_order_relaxed);
  emulator::Block::current()->fences().loaded(word);
  return value;
}

inline std::uint64_t load_relaxed_sys(const std::uint64_t* word) { return load_relaxed(word); }

inline float load_relaxed_sys(const float* word) { return load_relaxed(word); }

inline void store_relaxed_sys(std::uint64_t* word, std::uint64_t value) {
  pause();
  emulator::Block::current()->will_store_relaxed(word);
  std::atomic_ref(*word).store(value, std::memory_order_relaxed);
  linger();
}

inline void store_release_sys(std::uint64_t* word, std::uint64_t value) {
  pause();
  std::atomic_ref(*word).store(value, std::memory_order_release);
  linger();
}

/// To the thread sanitizer a release says that those kernels have ended.
inline void store_after_kernels_sys(std::uint64_t* word, std::uint64_t value) { store_release_sys(word, value); }

inline void fence_sys() {
  pause();
  __threadfence();
  pause();
}

inline void fence_gpu() { fence_sys(); }

/// Bulk copies go through the same caches here as everything else.
inline void fence_proxy_async() {}

}  // namespace crossdock::device
