// The receive half of dispatch in the expert layouts: one row a (token, rank) becomes one row a selection.
#pragma once

#include <cstdint>
#include <span>

#include "core/layout/wire_layout.hpp"
#include "core/routing/slots.hpp"
#include "cpu/fast/scale_target.hpp"
#include "cpu/fast/workers.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::cpu {

/// The rows that one source sent, in token order.
struct SourceRows {
  core::WireBlock block;
  std::int64_t first_row = 0;
  std::int64_t num_rows = 0;
};

struct ExpandJob {
  std::span<const SourceRows> sources;  ///< [R]
  const core::Slots* slots = nullptr;
  Layout layout = Layout::kExpertContiguous;
  int top_k = 0;
  ScaleTarget scales;
  DispatchResult* result = nullptr;  ///< views of the outputs to fill
};

/// Rows in the order of the layout, with their weights and sources.
void expand_rows(const ExpandJob& job, Workers& workers);

/// kExpertContiguous: zero rows up to each expert's aligned end, and row_expert -1 to the end of the output.
/// rows[expert] counts the rows without padding.
void pad_experts(const ExpandJob& job, std::span<const std::int32_t> rows);

}  // namespace crossdock::cpu
