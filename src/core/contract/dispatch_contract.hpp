// What a dispatch may be asked for; every backend and the reference check it here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/contract/overlap.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::core {

/// What the group was made for, as one rank sees it.
struct DispatchLimits {
  int rank = 0;
  int num_ranks = 1;
  int num_nodes = 1;
  int num_experts = 0;
  int max_top_k = 0;
  int max_hidden = 0;
  std::int64_t max_tokens = 0;  ///< of the layout's mode (kExpertPadded: T_max); <= 0: the group has no such mode
  int max_expert_alignment = 1;
  std::size_t max_element_bytes = 0;
  bool host_memory = true;          ///< topk_idx can be read here: its values are checked too
  bool cached = false;              ///< the routing comes from a handle: topk_idx must not be given
  std::int64_t cached_tokens = -1;  ///< where cached: the handle's T
  int cached_top_k = 0;             ///< where cached: the handle's K
};

/// Throws InvalidArgument (what, expected, got) where input or options break docs/design/semantics.md or the limits.
/// Reads topk_idx too, in host memory: every index is -1 or an expert. Asks nothing of other ranks.
void check_dispatch(const DispatchInput& input, const DispatchOptions& options, const DispatchLimits& limits);

/// Every tensor of a call, given or not.
std::array<Named, 5> tensors_of(const DispatchInput& input, const DispatchOptions& options);

/// Rows that the result is sized for: max_recv_rows, else the first dimension of out_x, else whatever arrives.
/// kExpertPadded has a static shape, hence none.
std::optional<std::int64_t> row_capacity(const DispatchOptions& options);

/// Type of the rows that arrive.
DType row_dtype(DType x, Quantize quantize);

}  // namespace crossdock::core
