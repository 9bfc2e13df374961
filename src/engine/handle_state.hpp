// What a handle remembers: the routing of one dispatch as its source and as its receiver.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/routing/route.hpp"
#include "core/routing/slots.hpp"
#include "crossdock/types.hpp"

namespace crossdock::engine {

struct HandleState {
  std::uint64_t group = 0;
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;  ///< of the dispatch: ranks compare it
  Layout layout = Layout::kFlat;
  ReductionTree tree = ReductionTree::kPerRank;
  int expert_alignment = 1;
  DType idx_dtype = DType::kInt32;
  std::optional<std::int64_t> capacity;  ///< max_recv_rows

  // As the source.
  core::Route route;
  std::vector<float> weights;  ///< [T, K] given at dispatch, or empty

  // As the receiver.
  std::vector<std::int64_t> wire_rows;  ///< [R]: rows that cross, one a (token, rank)
  core::ExpertCounts counts;            ///< [R][E_local]: rows of the layout
  core::Slots wire_slots;               ///< first row of each source in the wire block
  core::Slots slots;                    ///< first rows in the layout
  int num_local_experts = 0;
  std::int64_t rows_per_expert = 0;  ///< kExpertPadded: R * T_max

  std::int64_t num_rows() const { return slots.num_rows; }
};

}  // namespace crossdock::engine
