// What a gate may be asked for; every backend checks it here.
#pragma once

#include "crossdock/gate.hpp"

namespace crossdock::core {

/// Throws InvalidArgument (what, expected, got) where the configuration or a tensor breaks the contract of
/// crossdock::gate. Reads no tensor.
void check_gate(const GateConfig& config, const ConstTensorView& logits, const ConstTensorView& bias,
                const ConstTensorView& topk_idx, const ConstTensorView& topk_weights);

}  // namespace crossdock::core
