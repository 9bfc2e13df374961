// What a combine may be asked for; every backend and the reference check it here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/contract/overlap.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::core {

/// What the handle and the group fix, as one rank sees it.
struct CombineFacts {
  int rank = 0;
  Layout layout = Layout::kFlat;
  std::int64_t num_tokens = 0;  ///< T of this rank
  int top_k = 0;
  std::int64_t num_rows = 0;         ///< kFlat, kExpertContiguous: rows that x has at least
  int num_local_experts = 0;         ///< kExpertPadded
  std::int64_t rows_per_expert = 0;  ///< kExpertPadded: R * T_max
  int max_hidden = 0;
  std::size_t max_element_bytes = 0;
};

/// Throws InvalidArgument (what, expected, got) where input or options break docs/design/semantics.md or the facts.
void check_combine(const CombineInput& input, const CombineOptions& options, const CombineFacts& facts);

/// Every tensor of a call, given or not.
std::array<Named, 6> tensors_of(const CombineInput& input, const CombineOptions& options);

/// Type in which rows cross, and type of y.
DType wire_dtype(const CombineInput& input, const CombineOptions& options);
DType out_dtype(const CombineInput& input, const CombineOptions& options);

}  // namespace crossdock::core
