#include "base/math.hpp"
#include "core/layout/region_table.hpp"
#include "kernels/launch_overlapped.cuh"
#include "kernels/routing/routing.hpp"
#include "kernels/routing/routing_kernel.cuh"

namespace crossdock::kernels {
namespace {

int num_blocks(int num_tokens) { return base::div_up(num_tokens > 0 ? num_tokens : 1, kRoutingTokens); }

core::RegionTable scratch_regions(int max_tokens) {
  const auto blocks = static_cast<std::size_t>(num_blocks(max_tokens));
  core::RegionTable regions;
  regions.add(1, sizeof(std::uint32_t));
  regions.add(1, sizeof(std::uint32_t));
  regions.add(blocks * device::kMaxPeers, sizeof(std::uint64_t));
  regions.add(blocks * kMaxExperts, sizeof(std::int32_t));
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
          .block_experts = reinterpret_cast<std::int32_t*>(base + regions.offset(3))};
}

void launch_routing(const RoutingArgs& args, cudaStream_t stream) {
  if (args.top_k < 1 || args.top_k > kMaxTopK) refuse("routing", "top_k", "1 to 32", args.top_k);
  if (args.num_experts > kMaxExperts) refuse("routing", "experts", "at most 1024", args.num_experts);
  if (args.num_ranks > device::kMaxPeers) refuse("routing", "ranks of a node", "at most 32", args.num_ranks);
  launch_overlapped("routing", &routing_kernel, num_blocks(args.num_tokens), kRoutingTokens, 0, stream, args);
}

void load_routing() { load_kernel(&routing_kernel, 0); }

}  // namespace crossdock::kernels
