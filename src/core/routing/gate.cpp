#include "crossdock/gate.hpp"

#include <span>
#include <vector>

#include "base/float_environment.hpp"
#include "core/contract/gate_contract.hpp"
#include "core/routing/exp.hpp"

namespace crossdock {
namespace {

/// Strictly better; NaN ranks below every number.
bool ranks_above(float a, float b) {
  if (b != b) return a == a;
  return a > b;
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

/// Of a sum of 0 nobody has a share.
float share_of(float score, float sum) { return sum == 0.0F ? 0.0F : score / sum; }

void store_weights(const GateConfig& config, std::span<const float> scores, std::span<const std::size_t> chosen,
                   float* weights) {
  float sum = 0.0F;
  for (const std::size_t expert : chosen) sum += scores[expert];
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const float share = config.normalize ? share_of(scores[chosen[k]], sum) : scores[chosen[k]];
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
  const base::FloatEnvironment environment;
  core::check_gate(config, logits, bias, topk_idx, topk_weights);
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
