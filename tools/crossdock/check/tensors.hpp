// Random tensors of a case.
#pragma once

#include <cstdint>
#include <vector>

#include "check/plan.hpp"
#include "crossdock/reference.hpp"
#include "random.hpp"

namespace crossdock::tools::check {

/// Memory of a dense tensor, zero. Never empty, so that its address is not null.
reference::Tensor make_dense(DType dtype, std::vector<std::int64_t> shape);

/// Fills with finite values; with `special_values` also NaN, infinities, zeros of both signs and subnormals.
void fill_floats(Dice& dice, bool special_values, reference::Tensor& tensor);

/// [tokens, hidden], rows dense, with gaps between them where the plan says so.
reference::Tensor make_x(Dice& dice, const RowsPlan& plan, std::int64_t tokens, std::int64_t hidden);
/// [tokens, S] beside fp8 x; "not given" beside other types.
reference::Tensor make_scales(Dice& dice, const RowsPlan& plan, std::int64_t tokens);
/// [tokens, K].
reference::Tensor make_topk_idx(Dice& dice, const OperationPlan& plan, std::int64_t tokens, int num_experts);
/// fp32 [rows, K]; some are zero or negative.
reference::Tensor make_weights(Dice& dice, std::int64_t rows, std::int64_t top_k);

}  // namespace crossdock::tools::check
