// What a source tells a receiver of one selection, in one word.
#pragma once

#include <cstdint>

#include "device/port/peer_port.hpp"
#include "device/sync/empty.cuh"

namespace crossdock::kernels {

/// Negative = none, or another rank's. Else the receiver's expert, and the row's number among the source's rows of that
/// expert: with the rows of each expert, of each source, the receiver places every row without looking at others.
inline constexpr int kExpertBits = 10;
inline constexpr int kOrdinalBits = 20;
static_assert(device::kMaxExperts <= 1 << kExpertBits);
inline constexpr std::int32_t kNoSelection = INT32_MIN;
static_assert(kNoSelection != static_cast<std::int32_t>(device::kEmptyWord));

/// Of the first row of the expert.
__device__ __forceinline__ std::int32_t selection_word(int expert, bool repeated) {
  return expert | (repeated ? 1 << (kExpertBits + kOrdinalBits) : 0);
}
__device__ __forceinline__ std::int32_t with_ordinal(std::int32_t word, int ordinal) {
  return word | ordinal << kExpertBits;
}

__device__ __forceinline__ int expert_of(std::int32_t word) { return word & ((1 << kExpertBits) - 1); }
__device__ __forceinline__ int ordinal_of(std::int32_t word) { return word >> kExpertBits & ((1 << kOrdinalBits) - 1); }
/// An earlier k of the token has the same expert, and its row.
__device__ __forceinline__ bool is_repeated(std::int32_t word) { return word >> (kExpertBits + kOrdinalBits) != 0; }

/// As it travels, with its weight. No such pair looks empty: no selection does.
__device__ __forceinline__ uint2 selection_pair(std::int32_t word, float weight) {
  return {static_cast<std::uint32_t>(word), __float_as_uint(weight)};
}

}  // namespace crossdock::kernels
