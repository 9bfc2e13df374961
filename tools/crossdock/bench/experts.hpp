// Experts that a benchmark can check: every row times one number.
#pragma once

#include "bench/scenario.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::tools::bench {

/// out row = row (dequantised) * factor, rounded to bf16, fp16 or fp32. The factor of expert e (global number) is
/// 1 + (e % 64) / 64; in the flat layout it is the sum over k of weight * that, as its callers weight rows themselves.
/// Rows that no token owns are left alone. `rows` are in host memory; `out` has the shape of x.
void apply_experts(const Scenario& scenario, int rank, const DispatchResult& rows, const TensorView& out);

}  // namespace crossdock::tools::bench
