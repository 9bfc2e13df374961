// A small routing problem, the same on every rank, with all ranks' inputs for the reference.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include "crossdock/crossdock.hpp"

namespace crossdock::test {

/// One rank's inputs.
struct RankTokens {
  std::vector<float> x = {};
  std::vector<std::int32_t> topk_idx = {};
  std::vector<float> topk_weights = {};
  int num_tokens = 0;
  int hidden = 0;
  int top_k = 0;

  DispatchInput input() const {
    const std::int64_t tokens = num_tokens;
    return {.x = dense_view(static_cast<const void*>(x.data()), DType::kFp32, {tokens, hidden}),
            .topk_idx = dense_view(static_cast<const void*>(topk_idx.data()), DType::kInt32, {tokens, top_k}),
            .topk_weights = dense_view(static_cast<const void*>(topk_weights.data()), DType::kFp32, {tokens, top_k})};
  }
};

/// The shape that most tests of the engine use.
inline constexpr int kHidden = 128;
inline constexpr int kTopK = 4;
inline constexpr int kExperts = 8;
inline constexpr int kTokens = 6;

inline GroupConfig small_config(std::chrono::milliseconds deadline) {
  return {.num_experts = kExperts,
          .top_k = kTopK,
          .hidden = kHidden,
          .max_tokens = 16,
          .latency_max_tokens = 16,
          .element_bytes = 4,
          .deadline = deadline};
}

inline RankTokens make_tokens(int rank, int num_tokens, int hidden, int top_k, int num_experts) {
  std::mt19937 random(static_cast<unsigned>(rank) + 1);
  RankTokens tokens{.num_tokens = num_tokens, .hidden = hidden, .top_k = top_k};
  std::uniform_real_distribution<float> value(-2.0F, 2.0F);
  std::uniform_int_distribution<std::int32_t> expert(-1, num_experts - 1);
  for (int i = 0; i < num_tokens * hidden; ++i) tokens.x.push_back(value(random));
  for (int i = 0; i < num_tokens * top_k; ++i) tokens.topk_idx.push_back(expert(random));
  for (int i = 0; i < num_tokens * top_k; ++i) tokens.topk_weights.push_back(value(random));
  return tokens;
}

inline RankTokens tokens_of(const World& world) { return make_tokens(world.rank(), kTokens, kHidden, kTopK, kExperts); }

}  // namespace crossdock::test
