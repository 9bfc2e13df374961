#include <algorithm>
#include <iterator>

#include "kernels/float_kernels.hpp"
#include "kernels/gather/gather.hpp"
#include "kernels/gather/gather_kernel.cuh"
#include "kernels/launch_overlapped.cuh"

namespace crossdock::kernels {
namespace {

template <int kWarps>
constexpr FloatKernels<GatherArgs> kKernels{&gather_kernel<DType::kBf16, kWarps>, &gather_kernel<DType::kFp16, kWarps>,
                                            &gather_kernel<DType::kFp32, kWarps>};
template <int kWarps>
constexpr int kSmemBytes = sizeof(GatherSmem<DType::kBf16, kWarps>);  // of fp32 it is less
constexpr auto kOwnKernels = kKernels<kOwnGatherWarps>;
constexpr auto kSourceKernels = kKernels<kWorkerWarps>;

/// No more blocks than there is work for; of kOwn the host does not know it.
int num_blocks(const GatherArgs& args, int num_sms) {
  if (args.terms.rejected >= 0) return 1;
  if (args.target == GatherArgs::Target::kOwn) return num_sms;
  return std::clamp(num_latency_parts(args), 1, num_sms);
}

}  // namespace

LoadedKernels load_gather() {
  LoadedKernels kernels = kOwnKernels.load("gather", gather_threads(kOwnGatherWarps), kSmemBytes<kOwnGatherWarps>);
  std::ranges::move(kSourceKernels.load("gather to tokens' ranks", kLatencyThreads, kSmemBytes<kWorkerWarps>),
                    std::back_inserter(kernels));
  return kernels;
}

void launch_gather(const GatherArgs& args, int num_sms, cudaStream_t stream) {
  if (num_sms < 1) refuse("gather", "num_sms", "at least 1", num_sms);
  if (args.port.num_ranks > device::kMaxPeers) refuse("gather", "ranks of a node", "at most 32", args.port.num_ranks);
  const bool has_rows = args.terms.rejected < 0;
  if (has_rows && args.top_k > 32) refuse("gather", "top_k", "at most 32", args.top_k);
  const bool is_own = args.target == GatherArgs::Target::kOwn;
  const auto& kernels = is_own ? kOwnKernels : kSourceKernels;
  const auto kernel = has_rows ? kernels.of("gather", args.row_dtype, args.hidden) : kernels.bf16;
  launch_overlapped("gather", kernel, num_blocks(args, num_sms),
                    gather_threads(is_own ? kOwnGatherWarps : kWorkerWarps),
                    is_own ? kSmemBytes<kOwnGatherWarps> : kSmemBytes<kWorkerWarps>, stream, args);
}

}  // namespace crossdock::kernels
