#include <algorithm>

#include "kernels/float_kernels.hpp"
#include "kernels/gather/gather_smem.cuh"
#include "kernels/latency/latency.hpp"
#include "kernels/latency/receive_kernel.cuh"
#include "kernels/latency/send_kernel.cuh"
#include "kernels/latency/sum_kernel.cuh"
#include "kernels/launch_overlapped.cuh"

namespace crossdock::kernels {
namespace {

constexpr FloatKernels<LatencySumArgs> kSumKernels{&latency_sum_kernel<DType::kBf16>, &latency_sum_kernel<DType::kFp16>,
                                                   &latency_sum_kernel<DType::kFp32>};

constexpr int kSumSmemBytes =
    std::max(sizeof(TokenSummer<DType::kBf16>::Smem), sizeof(TokenSummer<DType::kFp32>::Smem));

// Gather, sum and the sum of another stream have to fit an SM together (kLatencyBlocksOfSm); CUDA takes a KiB a block.
constexpr std::size_t kSmBytes = std::size_t{228} << 10;
constexpr std::size_t kGatherSmemBytes = sizeof(GatherSmem<DType::kBf16, kWorkerWarps>);
static_assert(kGatherSmemBytes + 2 * kSumSmemBytes + 3 * 1024 <= kSmBytes);

using SendKernel = void (*)(LatencySendArgs);

SendKernel send_kernel(const LatencySendArgs& args) {
  if (args.quantize == Quantize::kNone) return &latency_send_kernel<PlainRowSender>;
  return args.x_dtype == DType::kFp32 ? &latency_send_kernel<QuantizedRowSender<4>>
                                      : &latency_send_kernel<QuantizedRowSender<2>>;
}

/// Of a call that its own rank rejected the shape may be anything: nobody looks at it.
bool has_rows(const device::Terms& terms) { return terms.rejected < 0; }

template <typename Args>
void check(std::string_view kernel, const Args& args, int top_k, int num_sms) {
  if (num_sms < 1) refuse(kernel, "num_sms", "at least 1", num_sms);
  if (args.port.num_ranks > device::kMaxPeers) refuse(kernel, "ranks of a node", "at most 32", args.port.num_ranks);
  if (has_rows(args.terms) && top_k > 32) refuse(kernel, "top_k", "at most 32", top_k);
}

void check_rows(const LatencySendArgs& args) {
  // Numbers of rows of an expert fit a selection's word, with one to spare.
  if (args.max_tokens >= 1 << kOrdinalBits) refuse("latency_send", "max_tokens", "below 2^20", args.max_tokens);
  if (args.num_experts > device::kMaxExperts) refuse("latency_send", "experts", "at most 1024", args.num_experts);
  if (args.num_tokens > args.max_tokens) refuse("latency_send", "tokens", "at most max_tokens", args.num_tokens);
  if (args.row_bytes % 16 != 0) refuse("latency_send", "row bytes", "a multiple of 16", args.row_bytes);
  if (args.quantize != Quantize::kNone && args.hidden % kQuantBlock != 0) {
    refuse("latency_send", "hidden", "a multiple of 128", args.hidden);
  }
}

/// No more blocks than there is work for.
int num_blocks(const device::Terms& terms, std::int64_t work, int num_sms) {
  return has_rows(terms) ? static_cast<int>(std::clamp<std::int64_t>(work, 1, num_sms)) : 1;
}

}  // namespace

LoadedKernels load_latency() {
  LoadedKernels kernels = kSumKernels.load("latency_sum", kLatencyThreads, kSumSmemBytes);
  kernels.push_back(load_kernel("latency_send", &latency_send_kernel<PlainRowSender>, kLatencyThreads, 0));
  kernels.push_back(load_kernel("latency_send, bf16 and fp16 made fp8", &latency_send_kernel<QuantizedRowSender<2>>,
                                kLatencyThreads, 0));
  kernels.push_back(
      load_kernel("latency_send, fp32 made fp8", &latency_send_kernel<QuantizedRowSender<4>>, kLatencyThreads, 0));
  kernels.push_back(load_kernel("latency_receive", &latency_receive_kernel, kLatencyThreads, 0));
  return kernels;
}

void launch_latency_send(const LatencySendArgs& args, int num_sms, cudaStream_t stream) {
  check("latency_send", args, args.top_k, num_sms);
  if (has_rows(args.terms)) check_rows(args);
  launch_overlapped("latency_send", send_kernel(args), num_blocks(args.terms, args.num_tokens + 1, num_sms),
                    kLatencyThreads, 0, stream, args);
}

void launch_latency_receive(const LatencyReceiveArgs& args, int num_sms, cudaStream_t stream) {
  check("latency_receive", args, args.top_k, num_sms);
  if (args.num_local_experts > device::kMaxExperts) {
    refuse("latency_receive", "experts of a rank", "at most 1024", args.num_local_experts);
  }
  const std::int64_t rows = static_cast<std::int64_t>(args.port.num_ranks) * args.max_tokens;
  const std::int64_t tasks = rows * (device::parts_of_bytes(args.row_bytes) + 1);
  launch_overlapped("latency_receive", &latency_receive_kernel, num_blocks(args.terms, tasks + 1, num_sms),
                    kLatencyThreads, 0, stream, args);
}

void launch_latency_sum(const LatencySumArgs& args, int num_sms, cudaStream_t stream) {
  check("latency_sum", args, args.top_k, num_sms);
  const auto kernel =
      has_rows(args.terms) ? kSumKernels.of("latency_sum", args.wire_dtype, args.hidden) : kSumKernels.bf16;
  const std::int64_t tasks = static_cast<std::int64_t>(args.num_tokens) * device::parts_of_row(args.hidden);
  launch_overlapped("latency_sum", kernel, num_blocks(args.terms, tasks, num_sms), kLatencyThreads, kSumSmemBytes,
                    stream, args);
}

}  // namespace crossdock::kernels
