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
  emulator::touch_atomically(barrier);
  emulator::publish(barrier);
  const emulator::Unseen unseen;
  emulator::Mbarrier::at(barrier).arrive_expect(bytes);
}

/// Its words are the emulator's own but for the start: who comes before that is known races with it.
inline bool mbarrier_is_complete(const std::uint64_t* barrier, std::uint32_t parity) {
  emulator::touch_atomically(barrier);
  const emulator::Unseen unseen;
  return emulator::Mbarrier::at(const_cast<std::uint64_t*>(barrier)).is_complete(parity);
}

inline bool mbarrier_try_wait(std::uint64_t* barrier, std::uint32_t parity) {
  bool done = mbarrier_is_complete(barrier, parity);
  if (!done) {
    emulator::Block::current()->poll();
    done = mbarrier_is_complete(barrier, parity);
  }
  if (done) emulator::observe(barrier);
  return done;
}

inline void bulk_load(void* shared, const void* global, std::uint32_t bytes, std::uint64_t* barrier) {
  emulator::Block& block = *emulator::Block::current();
  block.bulk_copies().load(block.thread(), shared, global, bytes, barrier);
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
