// src/device/ptx/barrier.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

namespace crossdock::device {

inline void barrier_sync(int barrier, int threads) {
  emulator::Block::current()->sync_some(static_cast<unsigned>(barrier), static_cast<unsigned>(threads));
}

inline void barrier_arrive(int barrier, int threads) {
  emulator::Block::current()->arrive_some(static_cast<unsigned>(barrier), static_cast<unsigned>(threads));
}

}  // namespace crossdock::device
