// The functions of device code that .cu files call without a header (CUDA C++ Programming Guide, "C++ Language
// Extensions"). Each thread that may wait gives the others their turn.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

#include "simt/block.hpp"
#include "vector_types.h"

namespace crossdock::emulator {

using Where = std::source_location;

inline unsigned lane() { return Block::current()->thread() % kWarpLanes; }

/// A number that is another one in each thread: threadIdx.x and its like.
template <unsigned (*kValue)()>
struct OfThread {
  operator unsigned() const { return kValue(); }
};

inline dim3 block_shape() { return Block::current()->grid().launch().block; }
inline dim3 grid_shape() { return Block::current()->grid().launch().grid; }

template <typename Value>
std::uint64_t word_of(Value value) {
  static_assert(sizeof(Value) <= sizeof(std::uint64_t));
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}

template <typename Value>
Value value_of(std::uint64_t word) {
  Value value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// Lane `from` of the mask; the own value where there is none.
template <typename Value>
Value shuffle(std::uint32_t mask, Value value, unsigned from, const Where& where) {
  const LaneWords words = Block::current()->meet(mask, word_of(value), where);
  const bool is_there = from < kWarpLanes && (mask >> from & 1U) != 0;
  return is_there ? value_of<Value>(words[from]) : value;
}

/// Around a relaxed atomic: what fences make of it.
class RelaxedAtomic {
 public:
  explicit RelaxedAtomic(const void* word) : word_(word) { Block::current()->will_store_relaxed(word); }
  ~RelaxedAtomic() { Block::current()->fences().loaded(word_); }
  RelaxedAtomic(const RelaxedAtomic&) = delete;
  RelaxedAtomic& operator=(const RelaxedAtomic&) = delete;

 private:
  const void* word_;
};

/// Folds what all lanes of the mask brought.
template <typename Value, typename Fold>
Value reduce(std::uint32_t mask, Value value, Fold fold, const Where& where) {
  const LaneWords words = Block::current()->meet(mask, word_of(value), where);
  Value result = value_of<Value>(words[static_cast<unsigned>(std::countr_zero(mask))]);
  for (std::uint32_t left = mask & (mask - 1); left != 0; left &= left - 1) {
    result = fold(result, value_of<Value>(words[static_cast<unsigned>(std::countr_zero(left))]));
  }
  return result;
}

}  // namespace crossdock::emulator

// Who a thread is
inline constexpr int warpSize = crossdock::emulator::kWarpLanes;
inline constexpr struct {
  crossdock::emulator::OfThread<[] { return crossdock::emulator::Block::current()->thread_index().x; }> x;
  crossdock::emulator::OfThread<[] { return crossdock::emulator::Block::current()->thread_index().y; }> y;
} threadIdx;
inline constexpr struct {
  crossdock::emulator::OfThread<[] { return crossdock::emulator::Block::current()->index().x; }> x;
  crossdock::emulator::OfThread<[] { return crossdock::emulator::Block::current()->index().y; }> y;
} blockIdx;
inline constexpr struct {
  crossdock::emulator::OfThread<[] { return crossdock::emulator::block_shape().x; }> x;
  crossdock::emulator::OfThread<[] { return crossdock::emulator::block_shape().y; }> y;
} blockDim;
inline constexpr struct {
  crossdock::emulator::OfThread<[] { return crossdock::emulator::grid_shape().x; }> x;
  crossdock::emulator::OfThread<[] { return crossdock::emulator::grid_shape().y; }> y;
} gridDim;

// Waiting for one another. A kernel may have ended lanes; the mask of all stands for those that are left.
inline void __syncthreads() { crossdock::emulator::Block::current()->sync_threads(); }
inline void __syncwarp(std::uint32_t mask = ~0U, const std::source_location& where = std::source_location::current()) {
  crossdock::emulator::Block::current()->sync_lanes(mask, where);
}

// Among the lanes of a warp
template <typename Value>
Value __shfl_sync(std::uint32_t mask, Value value, int lane,
                  const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::shuffle(mask, value, static_cast<unsigned>(lane) % crossdock::emulator::kWarpLanes,
                                      where);
}
template <typename Value>
Value __shfl_up_sync(std::uint32_t mask, Value value, unsigned distance,
                     const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::shuffle(mask, value, crossdock::emulator::lane() - distance, where);
}
template <typename Value>
Value __shfl_down_sync(std::uint32_t mask, Value value, unsigned distance,
                       const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::shuffle(mask, value, crossdock::emulator::lane() + distance, where);
}
template <typename Value>
Value __shfl_xor_sync(std::uint32_t mask, Value value, int bits,
                      const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::shuffle(mask, value, crossdock::emulator::lane() ^ static_cast<unsigned>(bits), where);
}

inline std::uint32_t __ballot_sync(std::uint32_t mask, bool predicate,
                                   const std::source_location& where = std::source_location::current()) {
  const std::uint32_t bit = predicate ? 1U << crossdock::emulator::lane() : 0U;
  return crossdock::emulator::reduce(mask, bit, std::bit_or{}, where);
}
inline bool __any_sync(std::uint32_t mask, bool predicate,
                       const std::source_location& where = std::source_location::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline bool __all_sync(std::uint32_t mask, bool predicate,
                       const std::source_location& where = std::source_location::current()) {
  return !__any_sync(mask, !predicate, where);
}
template <typename Value>
std::uint32_t __match_any_sync(std::uint32_t mask, Value value,
                               const std::source_location& where = std::source_location::current()) {
  const auto words = crossdock::emulator::Block::current()->meet(mask, crossdock::emulator::word_of(value), where);
  std::uint32_t same = 0;
  for (unsigned lane = 0; lane < crossdock::emulator::kWarpLanes; ++lane) {
    const bool is_same = (mask >> lane & 1U) != 0 && words[lane] == crossdock::emulator::word_of(value);
    same |= is_same ? 1U << lane : 0U;
  }
  return same;
}
template <typename Value>
Value __reduce_add_sync(std::uint32_t mask, Value value,
                        const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::reduce(mask, value, std::plus{}, where);
}
template <typename Value>
Value __reduce_or_sync(std::uint32_t mask, Value value,
                       const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::reduce(mask, value, std::bit_or{}, where);
}
template <typename Value>
Value __reduce_max_sync(std::uint32_t mask, Value value,
                        const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::reduce(mask, value, [](Value a, Value b) { return std::max(a, b); }, where);
}
template <typename Value>
Value __reduce_min_sync(std::uint32_t mask, Value value,
                        const std::source_location& where = std::source_location::current()) {
  return crossdock::emulator::reduce(mask, value, [](Value a, Value b) { return std::min(a, b); }, where);
}

// Memory
inline void __threadfence() {
  // ThreadSanitizer refuses this one, and g++ warns of it.
  if constexpr (!crossdock::emulator::kFindsRaces) std::atomic_thread_fence(std::memory_order_seq_cst);
  crossdock::emulator::Block::current()->fences().fence();
}
template <typename Value>
Value __ldg(const Value* address) {
  return *address;
}
template <typename Value>
Value __ldcg(const Value* address) {
  return *address;
}
template <typename Value>
Value atomicAdd(Value* address, std::type_identity_t<Value> addend) {
  const crossdock::emulator::RelaxedAtomic atomic(address);
  return std::atomic_ref(*address).fetch_add(addend, std::memory_order_relaxed);
}
template <typename Value>
Value atomicExch(Value* address, std::type_identity_t<Value> value) {
  const crossdock::emulator::RelaxedAtomic atomic(address);
  return std::atomic_ref(*address).exchange(value, std::memory_order_relaxed);
}

// Time, in nanoseconds; slower where everything else is, so that the tests' deadlines hold.
inline long long clock64() {
  constexpr long long kSlowness = crossdock::emulator::kFindsRaces ? 20 : 1;
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count() / kSlowness;
}
inline void __nanosleep(unsigned /*nanoseconds*/) { crossdock::emulator::Block::current()->poll(); }

// Numbers
inline int __ffs(int value) { return value == 0 ? 0 : std::countr_zero(static_cast<unsigned>(value)) + 1; }
inline int __popc(unsigned value) { return std::popcount(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
// A GPU gives one NaN only.
inline float emulated_result(float value) { return std::isnan(value) ? std::bit_cast<float>(0x7FFF'FFFFU) : value; }
inline float __fadd_rn(float a, float b) { return emulated_result(a + b); }
inline float __fmul_rn(float a, float b) { return emulated_result(a * b); }
inline float __fdiv_rn(float a, float b) { return emulated_result(a / b); }
template <typename A, typename B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  return b < a ? b : a;
}
template <typename A, typename B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  return a < b ? b : a;
}
