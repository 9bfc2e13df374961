#include "router.hpp"

#include <cblas.h>

#include <crossdock/gate.hpp>

#include "random_matrix.hpp"

namespace moe_layer {

using crossdock::dense_view;
using crossdock::DType;

Router::Router(const LayerConfig& config)
    : config_(config), matrix_(random_matrix({.name = 0, .rows = config.num_experts, .columns = config.hidden})) {}

Routing Router::route(ConstRows x) const {
  const int num_tokens = num_rows(config_, x);
  const int num_experts = config_.num_experts;
  std::vector<float> logits(static_cast<std::size_t>(num_tokens * num_experts));
  // Token by token: the sum of a row in a larger product may be rounded in another order, and where two experts are
  // nearly tied the choice would then depend on the batch that a token is in.
  for (int token = 0; token < num_tokens; ++token) {
    cblas_sgemv(CblasRowMajor, CblasNoTrans, num_experts, config_.hidden, 1.0F, matrix_.data(), config_.hidden,
                x.data() + static_cast<std::ptrdiff_t>(token) * config_.hidden, 1, 0.0F,
                logits.data() + static_cast<std::ptrdiff_t>(token) * num_experts, 1);
  }

  const std::size_t num_selections = static_cast<std::size_t>(num_tokens * config_.top_k);
  Routing routing{.topk_idx = std::vector<std::int32_t>(num_selections),
                  .topk_weights = std::vector<float>(num_selections)};
  crossdock::gate({.num_experts = num_experts,
                   .top_k = config_.top_k,
                   .num_groups = config_.num_groups,
                   .top_groups = config_.top_groups},
                  dense_view(logits.data(), DType::kFp32, {num_tokens, num_experts}), {},
                  dense_view(routing.topk_idx.data(), DType::kInt32, {num_tokens, config_.top_k}),
                  dense_view(routing.topk_weights.data(), DType::kFp32, {num_tokens, config_.top_k}));
  return routing;
}

}  // namespace moe_layer
