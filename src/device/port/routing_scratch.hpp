// Memory that the routing of one rank uses; zero before the first, kept between calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crossdock::device {

/// Tokens of one block of the routing kernel.
inline constexpr int kRoutingTokens = 256;

struct RoutingScratch {
  std::uint32_t* ticket = nullptr;         ///< [1]
  std::uint32_t* bad_index = nullptr;      ///< [1]: not 0 = WaitLimit::index_report is taken
  std::uint64_t* block_rows = nullptr;     ///< [blocks, kMaxPeers]: tagged rows
  std::uint64_t* block_experts = nullptr;  ///< [blocks, kMaxExperts]: tagged selections
};

/// Bytes for up to that many tokens: one piece of device memory, cut by routing_scratch.
std::size_t routing_scratch_bytes(int max_tokens);
RoutingScratch routing_scratch(void* memory, int max_tokens);

}  // namespace crossdock::device
