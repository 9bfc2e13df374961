// What a handle remembers: the routing of one dispatch as its source and as its receiver.
#pragma once

#include <cstdint>
#include <vector>

#include "core/routing/route.hpp"
#include "core/routing/slots.hpp"
#include "crossdock/types.hpp"
#include "engine/handle_facts.hpp"

namespace crossdock::engine {

struct HandleState : HandleFacts {
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

  std::int64_t num_tokens() const override { return route.num_tokens; }
  int top_k() const override { return route.top_k; }
  std::int64_t num_rows() const override { return slots.num_rows; }
};

}  // namespace crossdock::engine
