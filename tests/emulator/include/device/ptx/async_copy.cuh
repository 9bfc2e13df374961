// src/device/ptx/async_copy.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

#include "simt/block.hpp"

namespace crossdock::device {

inline void async_copy(void* shared, const void* global, bool wanted) {
  emulator::Block& block = *emulator::Block::current();
  block.async_copies().start(block.thread(), shared, wanted ? global : nullptr, block.toss());
}

inline void async_commit() {
  emulator::Block& block = *emulator::Block::current();
  block.async_copies().commit(block.thread());
}

template <int kPending>
void async_wait() {
  emulator::Block& block = *emulator::Block::current();
  block.async_copies().wait(block.thread(), kPending);
}

}  // namespace crossdock::device
