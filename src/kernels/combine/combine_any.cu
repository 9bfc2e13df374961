#include <cstdint>

#include "kernels/combine/combine_any.hpp"
#include "kernels/combine/combine_any_kernel.cuh"
#include "kernels/launch_overlapped.cuh"

namespace crossdock::kernels {
namespace {

void check_bias(const std::byte* bias) {
  const auto address = reinterpret_cast<std::uintptr_t>(bias);
  if (address % 8 != 0) refuse("combine", "address of a bias", "a multiple of 8", static_cast<std::int64_t>(address));
}

}  // namespace

void check_combine_shape(const CombineArgs& args, int num_sms) {
  if (num_sms < 1) refuse("combine", "num_sms", "at least 1", num_sms);
  if (args.port.num_ranks > device::kMaxPeers) refuse("combine", "ranks of a node", "at most 32", args.port.num_ranks);
  if (args.terms.rejected >= 0) return;
  const int elements = args.row_dtype == DType::kFp32 ? 4 : 8;
  if (args.hidden <= 0 || args.hidden % elements != 0)
    refuse("combine", "hidden", "rows of a multiple of 16 bytes", args.hidden);
  if (args.top_k > 32) refuse("combine", "top_k", "at most 32", args.top_k);
  check_bias(args.bias0);
  check_bias(args.bias1);
}

LoadedKernels load_combine_any() {
  return {load_kernel("combine of any bf16 and fp16", &combine_any_kernel<2>, kCombineAnyThreads, sizeof(CombineEntry)),
          load_kernel("combine of fp32", &combine_any_kernel<4>, kCombineAnyThreads, sizeof(CombineEntry))};
}

void launch_combine_any(const CombineArgs& args, int num_sms, cudaStream_t stream) {
  check_combine_shape(args, num_sms);
  const auto kernel = args.row_dtype == DType::kFp32 ? &combine_any_kernel<4> : &combine_any_kernel<2>;
  launch_overlapped("combine_any", kernel, num_sms, kCombineAnyThreads, sizeof(CombineEntry), stream, args);
}

}  // namespace crossdock::kernels
