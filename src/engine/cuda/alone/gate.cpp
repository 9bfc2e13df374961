#include "crossdock/gate.hpp"

#include <fmt/format.h>

#include "core/contract/gate_contract.hpp"
#include "crossdock/gpu.hpp"
#include "device/port/peer_port.hpp"
#include "engine/cuda/alone/given.hpp"
#include "engine/cuda/alone/prepare_device.hpp"
#include "kernels/gate/gate.hpp"

namespace crossdock::gpu {
namespace {

using engine::cuda::check_memory;

void check_limits(const GateConfig& config, const ConstTensorView& logits) {
  const core::Caller caller{.operation = "gate"};
  if (config.num_experts > device::kMaxExperts) {
    core::reject(caller, "num_experts", fmt::format("at most {} on a GPU", device::kMaxExperts),
                 fmt::format("{}", config.num_experts));
  }
  // Numbers of tokens of all blocks stay within int.
  constexpr std::int64_t kMostTokens = std::int64_t{1} << 30;
  if (logits.shape[0] > kMostTokens) {
    core::reject(caller, "logits", fmt::format("at most {} tokens on a GPU", kMostTokens), describe(logits));
  }
}

}  // namespace

void gate(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
          const TensorView& topk_idx, const TensorView& topk_weights, void* stream) {
  core::check_gate(config, logits, bias, topk_idx, topk_weights);
  check_limits(config, logits);
  check_memory({"gate", "logits", logits});
  check_memory({"gate", "bias", bias});
  check_memory({"gate", "topk_idx", topk_idx});
  check_memory({"gate", "topk_weights", topk_weights});
  const int num_sms = engine::cuda::prepare_device();
  kernels::launch_gate({.num_experts = config.num_experts,
                        .top_k = config.top_k,
                        .num_groups = config.num_groups,
                        .top_groups = config.top_groups,
                        .sigmoid = config.sigmoid,
                        .normalize = config.normalize,
                        .route_scale = config.route_scale,
                        .num_tokens = static_cast<int>(logits.shape[0]),
                        .logits = static_cast<const float*>(logits.data),
                        .bias = static_cast<const float*>(bias.data),
                        .topk_idx = topk_idx.data,
                        .idx_is_64 = topk_idx.dtype == DType::kInt64,
                        .topk_weights = static_cast<float*>(topk_weights.data)},
                       num_sms, static_cast<cudaStream_t>(stream));
}

}  // namespace crossdock::gpu
