// src/device/ptx/grid.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

namespace crossdock::device {

inline void wait_for_earlier_kernels() { emulator::Block::current()->wait_for_earlier_kernels(); }

inline void let_next_kernel_start() { emulator::Block::current()->let_next_kernel_start(); }

}  // namespace crossdock::device
