// Copies from global to shared memory that a thread starts and waits for (from sm_80 on). One function = one
// instruction. Addresses are multiples of 16 bytes.
#pragma once

#include <cstdint>

#include "device/ptx/bulk_copy.cuh"

namespace crossdock::device {

/// 16 bytes, or zeros where not `wanted`; leaves the L1 cache alone. For memory that nobody writes meanwhile.
__device__ __forceinline__ void async_copy(void* shared, const void* global, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(wanted ? 16U : 0U)
               : "memory");
}

/// Ends the thread's current group.
__device__ __forceinline__ void async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// All but the latest kPending groups of this thread are in shared memory, for this thread.
template <int kPending>
__device__ __forceinline__ void async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

}  // namespace crossdock::device
