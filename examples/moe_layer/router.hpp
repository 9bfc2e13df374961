// Which experts a token goes to.
#pragma once

#include <cstdint>
#include <vector>

#include "config.hpp"

namespace moe_layer {

struct Routing {
  std::vector<std::int32_t> topk_idx;  ///< [T, K]: experts
  std::vector<float> topk_weights;     ///< [T, K]: what their outputs are multiplied by
};

/// A linear layer that scores the experts, and the gate of DeepSeek-V3. The same on every rank.
class Router {
 public:
  explicit Router(const LayerConfig& config);
  Routing route(ConstRows x) const;

 private:
  LayerConfig config_;
  std::vector<float> matrix_;  ///< [E, H]
};

}  // namespace moe_layer
