// What a source tells a receiver of one selection, in one word.
#pragma once

#include <cstdint>

#include "device/port/peer_port.hpp"

namespace crossdock::kernels {

/// -1 = none, or another rank's. Else the receiver's expert, and the row's number among the source's rows of that
/// expert: with the rows of each expert, of each source, the receiver places every row without looking at others.
inline constexpr int kExpertBits = 10;
inline constexpr int kOrdinalBits = 20;
static_assert(device::kMaxExperts <= 1 << kExpertBits);

__device__ __forceinline__ std::int32_t selection_word(int expert, int ordinal, bool repeated) {
  return expert | ordinal << kExpertBits | (repeated ? 1 << (kExpertBits + kOrdinalBits) : 0);
}

__device__ __forceinline__ int expert_of(std::int32_t word) { return word & ((1 << kExpertBits) - 1); }
__device__ __forceinline__ int ordinal_of(std::int32_t word) { return word >> kExpertBits & ((1 << kOrdinalBits) - 1); }
/// An earlier k of the token has the same expert, and its row.
__device__ __forceinline__ bool is_repeated(std::int32_t word) { return word >> (kExpertBits + kOrdinalBits) != 0; }

}  // namespace crossdock::kernels
