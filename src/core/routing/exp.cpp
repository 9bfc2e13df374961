#include "core/routing/exp.hpp"

#include "core/routing/exp_steps.hpp"

namespace crossdock::core {

float exp_fp32(float x) { return steps::exp_fp32(x); }

float sigmoid(float x) { return steps::sigmoid(x); }

}  // namespace crossdock::core
