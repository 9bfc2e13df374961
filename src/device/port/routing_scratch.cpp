#include "device/port/routing_scratch.hpp"

#include <algorithm>

#include "base/math.hpp"
#include "core/layout/region_table.hpp"
#include "device/port/peer_port.hpp"

namespace crossdock::device {
namespace {

core::RegionTable scratch_regions(int max_tokens) {
  const auto blocks = static_cast<std::size_t>(base::div_up(std::max(max_tokens, 1), kRoutingTokens));
  core::RegionTable regions;
  regions.add(1, sizeof(std::uint32_t));
  regions.add(1, sizeof(std::uint32_t));
  regions.add(blocks * kMaxPeers, sizeof(std::uint64_t));
  regions.add(blocks * kMaxExperts, sizeof(std::uint64_t));
  return regions;
}

}  // namespace

std::size_t routing_scratch_bytes(int max_tokens) { return scratch_regions(max_tokens).total(); }

RoutingScratch routing_scratch(void* memory, int max_tokens) {
  const core::RegionTable regions = scratch_regions(max_tokens);
  auto* base = static_cast<std::byte*>(memory);
  return {.ticket = reinterpret_cast<std::uint32_t*>(base + regions.offset(0)),
          .bad_index = reinterpret_cast<std::uint32_t*>(base + regions.offset(1)),
          .block_rows = reinterpret_cast<std::uint64_t*>(base + regions.offset(2)),
          .block_experts = reinterpret_cast<std::uint64_t*>(base + regions.offset(3))};
}

}  // namespace crossdock::device
