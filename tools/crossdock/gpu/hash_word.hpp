// The hash of a tensor: the sum of a number for every 8 bytes, from them and their place. Sums come out the same in any
// order, so threads add as they please; equal sums of different tensors are as unlikely as for random numbers.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define CROSSDOCK_TOOL_HOST_DEVICE __host__ __device__
#else
#define CROSSDOCK_TOOL_HOST_DEVICE
#endif

namespace crossdock::tools::gpu {

/// The finaliser of splitmix64 over word `index` of a tensor; the last word is filled up with zero bytes.
CROSSDOCK_TOOL_HOST_DEVICE constexpr std::uint64_t hash_word(std::uint64_t word, std::uint64_t index) {
  std::uint64_t z = word + (index + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace crossdock::tools::gpu

#undef CROSSDOCK_TOOL_HOST_DEVICE
