// Kernels of one stream that overlap (programmatic dependent launch, from sm_90 on; nothing before). One function = one
// instruction.
#pragma once

namespace crossdock::device {

/// Waits until the kernels before this one on the stream are complete and their writes visible.
__device__ __forceinline__ void wait_for_earlier_kernels() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Once all blocks have called it or ended, the next kernel may start; it waits for this one with the function above.
__device__ __forceinline__ void let_next_kernel_start() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace crossdock::device
