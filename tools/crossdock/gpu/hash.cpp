#include "gpu/hash.hpp"

#include <algorithm>
#include <cstring>

#include "gpu/hash_word.hpp"

namespace crossdock::tools::gpu {

std::uint64_t hash_of(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(sizeof(word), bytes.size() - at));
    sum += hash_word(word, at / sizeof(word));
  }
  return sum;
}

}  // namespace crossdock::tools::gpu
