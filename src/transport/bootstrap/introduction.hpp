// What processes tell one another before they connect.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossdock::transport {

/// What ranks tell one another of their memory.
struct MemoryOffer {
  std::uint64_t window_bytes = 0;
  std::int64_t num_signals = 0;
};

/// Plain bytes, so that it crosses the bootstrap as it is. Texts end with a zero byte.
struct Introduction {
  std::uint64_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t uid = 0;
  std::int64_t pid = 0;
  std::uint64_t token = 0;  ///< whoever connects here has to know it
  MemoryOffer offer = {};
  std::array<char, 128> machine = {};  ///< boot id and network namespace
  std::array<char, 128> host = {};     ///< for messages
  std::array<char, 104> socket_name = {};

  static constexpr std::uint64_t kMagic = 0x4c43'4c4b'434f'4458;  // "XDOCKLCL"
  static constexpr std::uint32_t kVersion = 1;
};

/// Of this process.
Introduction introduce(const std::string& socket_name, const MemoryOffer& offer);

/// Throws Error(kInvalidArgument) where the bytes are no introduction of this version.
Introduction parse_introduction(std::span<const std::byte> bytes, int rank);

std::string_view text_of(std::span<const char> text);

/// Throws Error where not all are processes of one user, on one machine, that see each other's sockets.
void check_neighbours(const std::vector<Introduction>& introductions);

}  // namespace crossdock::transport
