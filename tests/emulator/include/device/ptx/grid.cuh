// src/device/ptx/grid.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

namespace crossdock::device {

inline void wait_for_earlier_kernels() {
  emulator::Block& block = *emulator::Block::current();
  while (!block.grid().earlier_is_complete()) block.poll();
}

inline void let_next_kernel_start() { emulator::Block::current()->let_next_kernel_start(); }

}  // namespace crossdock::device
