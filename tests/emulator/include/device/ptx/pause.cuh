// src/device/ptx/pause.cuh on this processor, where pauses are always on.
#pragma once

#include <cuda_runtime.h>

namespace crossdock::device {

inline void pause() { emulator::Block::current()->pause(); }

/// After a signal.
inline void linger() { emulator::Block::current()->linger(); }

}  // namespace crossdock::device
