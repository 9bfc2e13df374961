// Memory order between GPUs: one function = one instruction, and in builds for tests pauses around it. Everything is at
// system scope, because the other side is another GPU or the host.
#pragma once

#include <cstdint>

#include "device/ptx/pause.cuh"

namespace crossdock::device {

__device__ __forceinline__ std::uint64_t load_acquire_sys(const std::uint64_t* word) {
  std::uint64_t value;
  asm volatile("ld.acquire.sys.global.u64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
  pause();
  return value;
}

__device__ __forceinline__ std::uint64_t load_relaxed_sys(const std::uint64_t* word) {
  std::uint64_t value;
  asm volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
  return value;
}

__device__ __forceinline__ float load_relaxed_sys(const float* word) {
  float value;
  asm volatile("ld.relaxed.sys.global.f32 %0, [%1];" : "=f"(value) : "l"(word) : "memory");
  return value;
}

/// A signal that a fence of this thread stands before, or a word that says all there is to say (sync/tagged.cuh).
__device__ __forceinline__ void store_relaxed_sys(std::uint64_t* word, std::uint64_t value) {
  pause();
  asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}

__device__ __forceinline__ void store_release_sys(std::uint64_t* word, std::uint64_t value) {
  pause();
  asm volatile("st.release.sys.global.u64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}

/// Publishes what kernels have written that ended before this one could begin: it is complete and visible everywhere,
/// so no fence stands before. One would wait for all stores of the SM, two microseconds.
__device__ __forceinline__ void store_after_kernels_sys(std::uint64_t* word, std::uint64_t value) {
  pause();
  asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}

/// Orders this thread's earlier accesses, and those it has observed, before its later ones.
__device__ __forceinline__ void fence_sys() {
  pause();
  asm volatile("fence.acq_rel.sys;" ::: "memory");
  pause();
}

/// The same among the threads of this GPU.
__device__ __forceinline__ void fence_gpu() {
  pause();
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
  pause();
}

/// Orders ordinary accesses with those of bulk copies (the async proxy), in both directions. Nothing before sm_90,
/// which has no bulk copies.
__device__ __forceinline__ void fence_proxy_async() {
#if __CUDA_ARCH__ >= 900
  asm volatile("fence.proxy.async;" ::: "memory");
#endif
}

}  // namespace crossdock::device
