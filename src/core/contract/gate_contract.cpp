#include "core/contract/gate_contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "core/contract/overlap.hpp"
#include "core/contract/reject.hpp"
#include "crossdock/config.hpp"

namespace crossdock::core {
namespace {

constexpr Caller kCaller{.operation = "gate"};

void check_config(const GateConfig& config) {
  const auto expect = [](bool holds, std::string_view what, const std::string& expected, int got) {
    if (!holds) reject(kCaller, what, expected, fmt::format("{}", got));
  };
  const int experts = config.num_experts;
  const int groups = config.num_groups;
  expect(experts >= 1, "num_experts", "at least 1", experts);
  expect(groups >= 1 && experts % groups == 0, "num_groups", fmt::format("a divisor of {} experts", experts), groups);
  expect(config.top_groups >= 1 && config.top_groups <= groups, "top_groups", fmt::format("[1, {}]", groups),
         config.top_groups);
  const int most = std::min(kMaxTopK, config.top_groups * (experts / groups));
  expect(config.top_k >= 1 && config.top_k <= most, "top_k",
         fmt::format("[1, {}] (limit {}, {} groups of {})", most, kMaxTopK, config.top_groups, experts / groups),
         config.top_k);
}

void check_tensors(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
                   const ConstTensorView& topk_idx, const ConstTensorView& topk_weights) {
  check_shape(kCaller, "logits", logits);
  check_shape(kCaller, "bias", bias);
  check_shape(kCaller, "topk_idx", topk_idx);
  check_shape(kCaller, "topk_weights", topk_weights);
  if (logits.num_dims != 2) reject(kCaller, "logits", "dense fp32 [T, E]", describe(logits));
  const std::int64_t num_tokens = logits.shape[0];
  check_weights(kCaller, "logits", logits, num_tokens, config.num_experts);
  check_weights(kCaller, "topk_weights", topk_weights, num_tokens, config.top_k);
  if (bias.given() &&
      (bias.num_dims != 1 || bias.shape[0] != config.num_experts || bias.dtype != DType::kFp32 || !is_dense(bias))) {
    reject(kCaller, "bias", fmt::format("dense fp32 [{}]", config.num_experts), describe(bias));
  }
  check_memory(kCaller, "bias", bias);
  const bool fits = topk_idx.num_dims == 2 && topk_idx.shape[0] == num_tokens && topk_idx.shape[1] == config.top_k;
  if (!fits || !is_dense(topk_idx) || (topk_idx.dtype != DType::kInt32 && topk_idx.dtype != DType::kInt64)) {
    reject(kCaller, "topk_idx", fmt::format("dense int32 or int64 [{}, {}]", num_tokens, config.top_k),
           describe(topk_idx));
  }
  check_memory(kCaller, "topk_idx", topk_idx);
  const Named outputs[]{{"topk_idx", topk_idx}, {"topk_weights", topk_weights}};
  const Named inputs[]{{"logits", logits}, {"bias", bias}};
  check_apart(kCaller, outputs, inputs);
}

}  // namespace

void check_gate(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
                const ConstTensorView& topk_idx, const ConstTensorView& topk_weights) {
  check_config(config);
  check_tensors(config, logits, bias, topk_idx, topk_weights);
}

}  // namespace crossdock::core
