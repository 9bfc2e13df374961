#include "harness/digest.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace crossdock::peers {

// Each step is a bijection of a lane for a fixed word, and of the word for a fixed lane: one changed word always shows.
void Digest::add_word(std::uint64_t word) {
  low_ = std::rotl((low_ ^ word) * 0x9E3779B97F4A7C15U, 29);
  high_ = std::rotl((high_ + word) * 0xD6E8FEB86659FD93U, 31);
}

void Digest::add(std::span<const std::byte> bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(sizeof(word), bytes.size() - at));
    add_word(word);
  }
  add_word(bytes.size());
  bytes_ += bytes.size();
}

}  // namespace crossdock::peers
