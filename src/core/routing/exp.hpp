// The exponential of the gate: one implementation, so that every backend chooses the same experts.
#pragma once

namespace crossdock::core {

/// e^x by fp32 multiplies and adds only, each rounded: the same bits on every machine. Error below 2 units in the last
/// place; overflow gives infinity, underflow 0.
float exp_fp32(float x);

/// 1 / (1 + e^-x).
float sigmoid(float x);

}  // namespace crossdock::core
