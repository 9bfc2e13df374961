#include "kernels/expand/expand.hpp"
#include "kernels/expand/expand_kernel.cuh"
#include "kernels/launch_overlapped.cuh"

namespace crossdock::kernels {

LoadedKernels load_expand() { return {load_kernel("expand to expert_contiguous", &expand_kernel, kExpandThreads, 0)}; }

void launch_expand(const ExpandArgs& args, int num_sms, cudaStream_t stream) {
  if (num_sms < 1) refuse("expand", "num_sms", "at least 1", num_sms);
  if (args.num_ranks > device::kMaxPeers) refuse("expand", "ranks of a node", "at most 32", args.num_ranks);
  if (args.top_k < 1 || args.top_k > 32) refuse("expand", "top_k", "1 to 32", args.top_k);
  if (args.num_local_experts > device::kMaxExperts) {
    refuse("expand", "experts of a rank", "at most 1024", args.num_local_experts);
  }
  if (args.row_bytes <= 0 || args.row_bytes % 16 != 0)
    refuse("expand", "row bytes", "a multiple of 16", args.row_bytes);
  launch_overlapped("expand", &expand_kernel, num_sms, kExpandThreads, 0, stream, args);
}

}  // namespace crossdock::kernels
