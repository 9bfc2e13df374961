#include <algorithm>

#include "device/port/peer_port.hpp"
#include "kernels/gate/gate.hpp"
#include "kernels/gate/gate_kernel.cuh"
#include "kernels/launch_overlapped.cuh"

namespace crossdock::kernels {
namespace {

constexpr int smem_bytes(int num_experts, int num_groups) {
  return kGateWarps * gate_floats(num_experts, num_groups) * static_cast<int>(sizeof(float));
}

void check_shape(const GateArgs& args, int num_sms) {
  if (num_sms < 1) refuse("gate", "num_sms", "at least 1", num_sms);
  if (args.num_experts < 1 || args.num_experts > device::kMaxExperts)
    refuse("gate", "num_experts", "1 to 1024", args.num_experts);
  if (args.num_groups < 1 || args.num_experts % args.num_groups != 0)
    refuse("gate", "num_groups", "a divisor of num_experts", args.num_groups);
  if (args.top_groups < 1 || args.top_groups > args.num_groups)
    refuse("gate", "top_groups", "1 to num_groups", args.top_groups);
  const int most = std::min(32, args.top_groups * (args.num_experts / args.num_groups));
  if (args.top_k < 1 || args.top_k > most)
    refuse("gate", "top_k", "1 to 32, and no more than the experts of the best groups", args.top_k);
}

}  // namespace

LoadedKernels load_gate() {
  return {load_kernel("gate", &gate_kernel, 32 * kGateWarps, smem_bytes(device::kMaxExperts, device::kMaxExperts))};
}

void launch_gate(const GateArgs& args, int num_sms, cudaStream_t stream) {
  check_shape(args, num_sms);
  launch_overlapped("gate", &gate_kernel, num_sms, 32 * kGateWarps, smem_bytes(args.num_experts, args.num_groups),
                    stream, args);
}

}  // namespace crossdock::kernels
