// Experts that a benchmark can check: every row times one number.
#pragma once

#include "bench/scenario.hpp"
#include "crossdock/operations.hpp"
#include "crossdock/reference.hpp"

namespace crossdock::tools::bench {

/// What an expert sees of a dispatch, of the library's or the reference's.
struct ReceivedRows {
  std::int64_t num_rows = 0;
  ConstTensorView x, scales, topk_weights, topk_idx, row_expert, tokens_per_expert;
};
ReceivedRows received_rows(const DispatchResult& result);
ReceivedRows received_rows(const reference::Dispatched& dispatched);

/// out row = row (dequantised) * factor, rounded to bf16, fp16 or fp32. The factor of expert e (global number) is
/// 1 + (e % 64) / 64; in the flat layout it is the sum over k of weight * that, as its callers weight rows themselves.
/// Rows that no token owns are left alone. `out` has the shape of x.
void apply_experts(const Scenario& scenario, int rank, const ReceivedRows& rows, const TensorView& out);

}  // namespace crossdock::tools::bench
