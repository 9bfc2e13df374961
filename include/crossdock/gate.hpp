// Choosing experts: plain top-k, and DeepSeek-V3's group-limited top-k.
#pragma once

#include <cstdint>

#include "crossdock/tensor.hpp"

namespace crossdock {

/// Group-limited top-k of the DeepSeek-V3 report (arXiv 2412.19437, section 2.1.2), in this order: scores =
/// sigmoid(logits); choice = scores + bias; a group's rank is the sum of its two best choices; the `top_groups` best
/// groups stay; top-k of the choices inside them; weights = their scores (without bias), divided by their sum
/// where `normalize`, times `route_scale`. Ties go to the lower index.
struct GateConfig {
  int num_experts = 0;
  int top_k = 8;
  int num_groups = 1;   ///< divides num_experts
  int top_groups = 1;   ///< at most num_groups; top_groups * (num_experts / num_groups) >= top_k
  bool sigmoid = true;  ///< false: scores are the logits themselves (plain top-k over given scores)
  bool normalize = true;
  float route_scale = 1.0F;
};

/// logits fp32 [T, E], bias fp32 [E] or not given -> topk_idx int32 or int64 [T, K], topk_weights fp32 [T, K]; dense.
/// k is in descending order of choice. Throws Error where shapes disagree or an output overlaps
/// another tensor.
///
/// Numbers at their ends. A logit of +infinity scores 1, one below -88.8 scores 0. Where the chosen scores add up to 0
/// (no sigmoid is left, or given scores cancel), `normalize` makes all of the token's weights 0. NaN ranks below every
/// number, as a choice and as a group's sum: an expert with a NaN is chosen only where numbers are too few; its weight
/// is NaN then, and with `normalize` so are all of the token's. Given scores of infinity are not normalized to numbers:
/// infinity / infinity is NaN.
void gate(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
          const TensorView& topk_idx, const TensorView& topk_weights);

}  // namespace crossdock
