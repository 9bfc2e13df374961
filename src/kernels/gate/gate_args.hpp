// Choosing experts on the GPU: crossdock::gate.
#pragma once

namespace crossdock::kernels {

/// Fields as in crossdock::gate, all in device memory, dense.
struct GateArgs {
  int num_experts = 0;
  int top_k = 8;
  int num_groups = 1;
  int top_groups = 1;
  bool sigmoid = true;
  bool normalize = true;
  float route_scale = 1.0F;

  int num_tokens = 0;
  const float* logits = nullptr;  ///< [T, E]
  const float* bias = nullptr;    ///< [E], or nullptr
  void* topk_idx = nullptr;       ///< [T, K]
  bool idx_is_64 = false;
  float* topk_weights = nullptr;  ///< [T, K]
};

}  // namespace crossdock::kernels
