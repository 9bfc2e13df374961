#include "engine/dispatch_outputs.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <vector>

#include "base/math.hpp"
#include "engine/output_table.hpp"

namespace crossdock::engine {
namespace {

std::int64_t output_rows(const PendingDispatchState& state) {
  return state.plan->capacity.value_or(state.plan->num_rows());
}

void add_scales(OutputTable& table, PendingDispatchState& state, std::initializer_list<std::int64_t> shape) {
  if (state.format.scale_words == 0) return;
  if (state.options.scale_order == ScaleOrder::kColumnMajor) {
    table.add_column_major(state.result.scales, state.format.scale_dtype, shape);
  } else {
    table.add(state.result.scales, state.format.scale_dtype, shape);
  }
}

/// x, and all that lies beside it, in the wire block: rows landed in their final slots.
void add_flat(OutputTable& table, PendingDispatchState& state) {
  DispatchResult& result = state.result;
  const std::int64_t rows = output_rows(state);
  const core::WireBlock block{.base = state.wire.data, .layout = core::make_wire_layout(state.shape, rows)};
  result.x = dense_view(static_cast<void*>(block.x(0)), state.format.x_dtype, {rows, state.format.hidden});
  result.topk_idx = dense_view(static_cast<void*>(block.idx(0)), state.plan->idx_dtype, {rows, state.format.top_k});
  if (state.format.weights_given) {
    result.topk_weights = dense_view(static_cast<void*>(block.weights(0)), DType::kFp32, {rows, state.format.top_k});
  }
  if (state.options.scale_order == ScaleOrder::kColumnMajor) {
    add_scales(table, state, {rows, state.format.scale_words});
  } else if (state.format.scale_words != 0) {
    result.scales =
        dense_view(static_cast<void*>(block.scales(0)), state.format.scale_dtype, {rows, state.format.scale_words});
  }
}

void add_contiguous(OutputTable& table, PendingDispatchState& state) {
  DispatchResult& result = state.result;
  const std::int64_t rows = output_rows(state);
  if (!state.options.out_x.given()) table.add(result.x, state.format.x_dtype, {rows, state.format.hidden});
  add_scales(table, state, {rows, state.format.scale_words});
  if (state.format.weights_given) table.add(result.topk_weights, DType::kFp32, {rows});
  table.add(result.expert_offsets, DType::kInt64, {state.plan->num_local_experts + 1});
  table.add(result.row_expert, DType::kInt32, {rows});
  table.add(result.source, DType::kInt32, {rows, 3});
}

void add_padded(OutputTable& table, PendingDispatchState& state) {
  DispatchResult& result = state.result;
  const std::int64_t experts = state.plan->num_local_experts;
  const std::int64_t rows = state.plan->rows_per_expert;
  if (!state.options.out_x.given()) table.add(result.x, state.format.x_dtype, {experts, rows, state.format.hidden});
  add_scales(table, state, {experts, rows, state.format.scale_words});
  if (state.format.weights_given) table.add(result.topk_weights, DType::kFp32, {experts, rows});
  table.add(result.source_count, DType::kInt32, {experts, state.context->num_ranks()});
  table.add(result.source_begin, DType::kInt32, {experts, state.context->num_ranks()});
  table.add(result.source_token, DType::kInt32, {experts, rows});
}

/// Rows an expert over all sources.
std::vector<std::int32_t> rows_by_expert(const HandleState& plan) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(plan.num_local_experts), 0);
  for (const auto& counts : plan.counts) {
    std::transform(rows.begin(), rows.end(), counts.begin(), rows.begin(), std::plus<>());
  }
  return rows;
}

void fill_past_the_end(const TensorView& topk_idx, std::int64_t num_rows) {
  const std::int64_t begin = num_rows * topk_idx.shape[1];
  const std::int64_t end = topk_idx.num_elements();
  if (topk_idx.dtype == DType::kInt64) {
    auto* data = static_cast<std::int64_t*>(topk_idx.data);
    std::fill(data + begin, data + end, -1);
  } else {
    auto* data = static_cast<std::int32_t*>(topk_idx.data);
    std::fill(data + begin, data + end, -1);
  }
}

/// The caller's memory, of the result's size: it may have more rows.
TensorView rows_of_out_x(const PendingDispatchState& state) {
  TensorView rows = state.options.out_x;
  if (state.options.layout != Layout::kExpertPadded) rows.shape[0] = output_rows(state);
  return rows;
}

void finish_flat(PendingDispatchState& state, std::span<const cpu::SourceRows> sources) {
  DispatchResult& result = state.result;
  fill_past_the_end(result.topk_idx, result.num_rows);
  if (state.format.scale_words != 0 && state.options.scale_order == ScaleOrder::kColumnMajor) {
    cpu::transpose_scales(sources[0].block, result.num_rows, cpu::make_scale_target(result.scales));
  }
  if (!state.options.out_x.given()) return;
  const auto bytes = static_cast<std::size_t>(result.num_rows) * state.shape.x_bytes;
  if (bytes != 0) std::memcpy(state.options.out_x.data, result.x.data, bytes);
  result.x = rows_of_out_x(state);
}

void finish_expert(PendingDispatchState& state, std::span<const cpu::SourceRows> sources,
                   std::span<const std::int32_t> rows_of_experts) {
  DispatchResult& result = state.result;
  if (state.options.out_x.given()) result.x = rows_of_out_x(state);
  const cpu::ExpandJob job{.sources = sources,
                           .slots = &state.plan->slots,
                           .layout = state.options.layout,
                           .top_k = state.format.top_k,
                           .scales = cpu::make_scale_target(result.scales),
                           .result = &result};
  cpu::expand_rows(job, state.context->workers);
  if (state.options.layout == Layout::kExpertContiguous) {
    cpu::pad_experts(job, rows_of_experts);
    std::ranges::copy(state.plan->slots.expert_offsets, static_cast<std::int64_t*>(result.expert_offsets.data));
  }
}

void fill_source_ranges(const HandleState& plan, const DispatchResult& result) {
  const auto num_ranks = static_cast<std::int64_t>(plan.counts.size());
  for (std::int64_t expert = 0; expert < plan.num_local_experts; ++expert) {
    for (std::int64_t source = 0; source < num_ranks; ++source) {
      const std::int64_t first = plan.slots.first_row[source][expert] - expert * plan.rows_per_expert;
      static_cast<std::int32_t*>(result.source_count.data)[expert * num_ranks + source] = plan.counts[source][expert];
      static_cast<std::int32_t*>(result.source_begin.data)[expert * num_ranks + source] =
          static_cast<std::int32_t>(first);
    }
  }
}

/// Both pieces live as long as the result does. The expert layouts are done with the wire block.
WindowBuffer hand_over_memory(PendingDispatchState& state) {
  if (state.options.layout != Layout::kFlat) return std::move(state.output.memory);
  struct Both {
    WindowBuffer wire;
    WindowBuffer output;
  };
  return WindowBuffer(std::make_shared<Both>(Both{std::move(state.wire.memory), std::move(state.output.memory)}));
}

}  // namespace

void make_outputs(PendingDispatchState& state) {
  OutputTable table;
  if (state.options.layout == Layout::kFlat) add_flat(table, state);
  if (state.options.layout == Layout::kExpertContiguous) add_contiguous(table, state);
  if (state.options.layout == Layout::kExpertPadded) add_padded(table, state);
  table.add(state.result.tokens_per_expert, DType::kInt32, {state.plan->num_local_experts});
  state.output = state.context->reserve(table.total());
  table.set_base(state.output.data);
}

void finish_outputs(PendingDispatchState& state, std::span<const cpu::SourceRows> sources) {
  DispatchResult& result = state.result;
  const std::vector<std::int32_t> rows = rows_by_expert(*state.plan);
  const bool padded = state.options.layout == Layout::kExpertPadded;
  result.num_rows = padded ? std::reduce(rows.begin(), rows.end(), std::int64_t{0}) : state.plan->num_rows();
  std::ranges::copy(rows, static_cast<std::int32_t*>(result.tokens_per_expert.data));
  if (state.options.layout == Layout::kFlat) {
    finish_flat(state, sources);
  } else {
    finish_expert(state, sources, rows);
  }
  if (padded) fill_source_ranges(*state.plan, result);
  result.memory = hand_over_memory(state);
}

}  // namespace crossdock::engine
