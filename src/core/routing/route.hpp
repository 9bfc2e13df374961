// What one source knows from its topk_idx alone: which rows go where, and their ordinals.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/topology/placement.hpp"
#include "core/topology/topology.hpp"
#include "crossdock/tensor.hpp"
#include "crossdock/types.hpp"

namespace crossdock::core {

/// A valid (token, k); rank -1 where there is none (topk_idx -1, or a rank that is not live).
struct Selection {
  std::int32_t rank = -1;
  std::int32_t local_expert = -1;
  /// Ordinal of the selection's row among this source's rows: kFlat at that rank, expert layouts at that expert.
  std::int32_t ordinal = -1;
};

struct Route {
  std::int32_t num_tokens = 0;
  std::int32_t top_k = 0;
  std::vector<Selection> selections = {};                   ///< [T, K]
  std::vector<std::vector<std::int32_t>> tokens_to = {};    ///< [R]: tokens of a rank, ascending, each once
  std::vector<std::vector<std::int32_t>> expert_rows = {};  ///< [R][E_local]: rows an expert; kFlat: selections
  std::int64_t node_rows = 0;                               ///< a row a (token, other node)

  const Selection& at(std::int64_t token, int k) const {
    return selections[static_cast<std::size_t>(token * top_k + k)];
  }
};

/// What a route is made for.
struct RouteContext {
  Placement placement = {};
  Topology topology = {};
  int rank = 0;
  std::span<const std::uint8_t> live = {};  ///< [R], 1 = live
  Layout layout = Layout::kFlat;
};

/// topk_idx: [T, K], int32 or int64, dense. Throws InvalidArgument (where, expected, got) for an index that is neither
/// -1 nor an expert.
Route make_route(const ConstTensorView& topk_idx, const RouteContext& context);

}  // namespace crossdock::core
