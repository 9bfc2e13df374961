// 128 bits that stand for a rank's output. Two programs agree byte by byte where lengths and digests do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace crossdock::peers {

class Digest {
 public:
  /// Order matters, and so does where one piece ends and the next begins.
  void add(std::span<const std::byte> bytes);

  std::uint64_t low() const { return low_; }
  std::uint64_t high() const { return high_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void add_word(std::uint64_t word);

  std::uint64_t low_ = 0x243F6A8885A308D3U;
  std::uint64_t high_ = 0x13198A2E03707344U;
  std::uint64_t bytes_ = 0;
};

}  // namespace crossdock::peers
