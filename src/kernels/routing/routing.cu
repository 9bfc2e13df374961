#include "base/math.hpp"
#include "kernels/launch_overlapped.cuh"
#include "kernels/routing/routing.hpp"
#include "kernels/routing/routing_kernel.cuh"

namespace crossdock::kernels {
namespace {

int num_blocks(int num_tokens) { return base::div_up(num_tokens > 0 ? num_tokens : 1, kRoutingTokens); }

}  // namespace

void launch_routing(const RoutingArgs& args, cudaStream_t stream) {
  if (args.top_k < 1 || args.top_k > kMaxTopK) refuse("routing", "top_k", "1 to 32", args.top_k);
  if (args.num_experts > kMaxExperts) refuse("routing", "experts", "at most 1024", args.num_experts);
  if (args.num_ranks > device::kMaxPeers) refuse("routing", "ranks of a node", "at most 32", args.num_ranks);
  launch_overlapped("routing", &routing_kernel, num_blocks(args.num_tokens), kRoutingTokens, 0, stream, args);
}

LoadedKernels load_routing() { return {load_kernel("routing", &routing_kernel, kRoutingTokens, 0)}; }

}  // namespace crossdock::kernels
