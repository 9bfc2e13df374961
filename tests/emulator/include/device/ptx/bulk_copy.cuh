// src/device/ptx/bulk_copy.cuh on this processor.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "device/ptx/pause.cuh"
#include "simt/mbarrier.hpp"

namespace crossdock::device {

inline void mbarrier_init(std::uint64_t* barrier, std::uint32_t arrivals) {
  emulator::Mbarrier::at(barrier).init(arrivals);
}

inline void fence_mbarrier_init() {}

inline void mbarrier_arrive_expect(std::uint64_t* barrier, std::uint32_t bytes) {
  emulator::Mbarrier::at(barrier).arrive_expect(bytes);
}

inline bool mbarrier_try_wait(std::uint64_t* barrier, std::uint32_t parity) {
  if (emulator::Mbarrier::at(barrier).is_complete(parity)) return true;
  emulator::Block::current()->poll();
  return emulator::Mbarrier::at(barrier).is_complete(parity);
}

inline void bulk_load(void* shared, const void* global, std::uint32_t bytes, std::uint64_t* barrier) {
  emulator::Block::current()->bulk_copies().load(shared, global, bytes, barrier);
}

inline void bulk_store(void* global, const void* shared, std::uint32_t bytes) {
  pause();
  emulator::Block& block = *emulator::Block::current();
  block.bulk_copies().store(block.thread(), global, shared, bytes);
}

inline void bulk_commit() {
  emulator::Block& block = *emulator::Block::current();
  block.bulk_copies().commit(block.thread());
}

template <int kPending>
void bulk_wait_read() {
  emulator::Block& block = *emulator::Block::current();
  block.bulk_copies().wait_read(block.thread(), kPending);
}

inline void bulk_wait_written() {
  emulator::Block& block = *emulator::Block::current();
  block.bulk_copies().wait_written(block.thread());
}

}  // namespace crossdock::device
