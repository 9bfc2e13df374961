// What one receiver knows from everybody's counts: which row of its layout belongs to whom. Prefix sums, never arrival
// order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace crossdock::core {

/// counts[source][local expert]: rows of the layout.
using ExpertCounts = std::vector<std::vector<std::int32_t>>;

/// First rows by (source, local expert); kFlat has one entry a source.
struct Slots {
  std::vector<std::vector<std::int64_t>> first_row = {};  ///< [R][E_local], or [R][1] in kFlat
  std::vector<std::int64_t> expert_offsets = {};          ///< [E_local + 1], expert layouts
  std::int64_t num_rows = 0;                              ///< padding included
};

/// rows[source]: one row a (token, rank).
Slots flat_slots(std::span<const std::int64_t> rows);

/// Order: expert, source. Each expert starts at a multiple of `alignment`; the last entry of expert_offsets is
/// aligned too.
Slots contiguous_slots(const ExpertCounts& counts, int num_local_experts, int alignment);

/// Expert e starts at e * rows_per_expert; num_rows is the static size.
Slots padded_slots(const ExpertCounts& counts, int num_local_experts, std::int64_t rows_per_expert);

}  // namespace crossdock::core
