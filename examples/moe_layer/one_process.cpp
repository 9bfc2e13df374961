#include "one_process.hpp"

#include <cmath>
#include <crossdock/reference.hpp>

#include "expert.hpp"
#include "fp8.hpp"

namespace moe_layer {
namespace {

/// A token that chose the expert at hand, and the weight it gave it.
struct Choice {
  std::size_t token = 0;
  float weight = 0;
};

std::vector<Choice> choices_of(int expert, const LayerConfig& config, const Routing& routing) {
  std::vector<Choice> choices;
  for (std::size_t i = 0; i < routing.topk_idx.size(); ++i) {
    if (routing.topk_idx[i] != expert) continue;
    choices.push_back({.token = i / static_cast<std::size_t>(config.top_k), .weight = routing.topk_weights[i]});
  }
  return choices;
}

}  // namespace

std::vector<float> run_in_one_process(const LayerConfig& config, ConstRows x, const Routing& routing) {
  const auto hidden = static_cast<std::size_t>(config.hidden);
  std::vector<float> y(x.size(), 0.0F);
  for (int expert = 0; expert < config.num_experts; ++expert) {
    const std::vector<Choice> choices = choices_of(expert, config, routing);
    if (choices.empty()) continue;
    std::vector<float> in;
    for (const Choice& choice : choices) {
      const ConstRows row = x.subspan(choice.token * hidden, hidden);
      in.insert(in.end(), row.begin(), row.end());
    }
    std::vector<float> out(in.size());
    Expert(config, expert).run(in, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Choice& choice = choices[i / hidden];
      y[choice.token * hidden + i % hidden] += choice.weight * out[i];
    }
  }
  return y;
}

std::vector<float> rounded_to_fp8(const LayerConfig& config, ConstRows x, const Routing& routing) {
  using namespace crossdock;
  // A group of one rank, by the library's reference: every token arrives there once, in order.
  const int num_tokens = num_rows(config, x);
  const DispatchInput input{.x = dense_view(x.data(), DType::kFp32, {num_tokens, config.hidden}),
                            .topk_idx = dense_view(routing.topk_idx.data(), DType::kInt32, {num_tokens, config.top_k})};
  const DispatchOptions options{.quantize = Quantize::kFp8};
  const auto received = reference::dispatch({.num_experts = config.num_experts}, {&input, 1}, {&options, 1});
  std::vector<float> rounded(x.size());
  dequantise(received[0].x.view(), received[0].scales.view(), 0, rounded);
  return rounded;
}

double relative_error(ConstRows value, ConstRows expected) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    difference += std::pow(static_cast<double>(value[i]) - expected[i], 2);
    size += std::pow(static_cast<double>(expected[i]), 2);
  }
  return size > 0 ? std::sqrt(difference / size) : 0;
}

}  // namespace moe_layer
