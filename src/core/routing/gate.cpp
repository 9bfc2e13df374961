#include "crossdock/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "core/contract/reject.hpp"
#include "core/routing/exp.hpp"
#include "crossdock/config.hpp"

namespace crossdock {
namespace {

using core::reject;

constexpr core::Caller kCaller{.operation = "gate"};

/// Strictly better; NaN ranks below every number.
bool ranks_above(float a, float b) {
  if (b != b) return a == a;
  return a > b;
}

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
  if (logits.num_dims != 2) reject(kCaller, "logits", "dense fp32 [T, E]", describe(logits));
  const std::int64_t num_tokens = logits.shape[0];
  core::check_weights(kCaller, "logits", logits, num_tokens, config.num_experts);
  core::check_weights(kCaller, "topk_weights", topk_weights, num_tokens, config.top_k);
  if (bias.given() &&
      (bias.num_dims != 1 || bias.shape[0] != config.num_experts || bias.dtype != DType::kFp32 || !is_dense(bias))) {
    reject(kCaller, "bias", fmt::format("dense fp32 [{}]", config.num_experts), describe(bias));
  }
  core::check_memory(kCaller, "bias", bias);
  const bool fits = topk_idx.num_dims == 2 && topk_idx.shape[0] == num_tokens && topk_idx.shape[1] == config.top_k;
  if (!fits || !is_dense(topk_idx) || (topk_idx.dtype != DType::kInt32 && topk_idx.dtype != DType::kInt64)) {
    reject(kCaller, "topk_idx", fmt::format("dense int32 or int64 [{}, {}]", num_tokens, config.top_k),
           describe(topk_idx));
  }
  core::check_memory(kCaller, "topk_idx", topk_idx);
}

/// Index of the best value that is not `taken`; marks it taken. There is one.
std::size_t take_best(std::span<const float> values, std::span<std::uint8_t> taken) {
  std::size_t best = values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!taken[i] && (best == values.size() || ranks_above(values[i], values[best]))) best = i;
  }
  taken[best] = 1;
  return best;
}

/// Sum of the two best choices of a group; a group of one expert has that one.
float rank_of_group(std::span<const float> choices) {
  std::vector<std::uint8_t> taken(choices.size(), 0);
  const float best = choices[take_best(choices, taken)];
  return choices.size() == 1 ? best : best + choices[take_best(choices, taken)];
}

/// [E], 1 = the expert is in none of the best groups.
std::vector<std::uint8_t> experts_left_out(const GateConfig& config, std::span<const float> choices) {
  const auto num_groups = static_cast<std::size_t>(config.num_groups);
  const std::size_t group_size = choices.size() / num_groups;
  std::vector<float> ranks;
  for (std::size_t group = 0; group < num_groups; ++group) {
    ranks.push_back(rank_of_group(choices.subspan(group * group_size, group_size)));
  }
  std::vector<std::uint8_t> kept(num_groups, 0);
  for (int i = 0; i < config.top_groups; ++i) take_best(ranks, kept);
  std::vector<std::uint8_t> left_out(choices.size());
  for (std::size_t expert = 0; expert < choices.size(); ++expert) left_out[expert] = !kept[expert / group_size];
  return left_out;
}

/// The experts of one token, best first.
std::vector<std::size_t> choose(const GateConfig& config, std::span<const float> choices) {
  std::vector<std::uint8_t> taken = experts_left_out(config, choices);
  std::vector<std::size_t> chosen;
  for (int k = 0; k < config.top_k; ++k) chosen.push_back(take_best(choices, taken));
  return chosen;
}

void store_weights(const GateConfig& config, std::span<const float> scores, std::span<const std::size_t> chosen,
                   float* weights) {
  float sum = 0.0F;
  for (const std::size_t expert : chosen) sum += scores[expert];
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const float share = config.normalize ? scores[chosen[k]] / sum : scores[chosen[k]];
    weights[k] = share * config.route_scale;
  }
}

void store_experts(std::span<const std::size_t> chosen, const TensorView& topk_idx, std::size_t at) {
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    if (topk_idx.dtype == DType::kInt64) {
      static_cast<std::int64_t*>(topk_idx.data)[at + k] = static_cast<std::int64_t>(chosen[k]);
    } else {
      static_cast<std::int32_t*>(topk_idx.data)[at + k] = static_cast<std::int32_t>(chosen[k]);
    }
  }
}

}  // namespace

void gate(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
          const TensorView& topk_idx, const TensorView& topk_weights) {
  check_config(config);
  check_tensors(config, logits, bias, topk_idx, topk_weights);
  const auto num_experts = static_cast<std::size_t>(config.num_experts);
  const auto top_k = static_cast<std::size_t>(config.top_k);
  const auto* biases = static_cast<const float*>(bias.data);
  std::vector<float> scores(num_experts);
  std::vector<float> choices(num_experts);
  for (std::size_t token = 0; token < static_cast<std::size_t>(logits.shape[0]); ++token) {
    const float* row = static_cast<const float*>(logits.data) + token * num_experts;
    for (std::size_t expert = 0; expert < num_experts; ++expert) {
      scores[expert] = config.sigmoid ? core::sigmoid(row[expert]) : row[expert];
      choices[expert] = bias.given() ? scores[expert] + biases[expert] : scores[expert];
    }
    const std::vector<std::size_t> chosen = choose(config, choices);
    store_experts(chosen, topk_idx, token * top_k);
    store_weights(config, scores, chosen, static_cast<float*>(topk_weights.data) + token * top_k);
  }
}

}  // namespace crossdock
