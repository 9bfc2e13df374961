#include "core/routing/slots.hpp"

#include "base/math.hpp"

namespace crossdock::core {

Slots flat_slots(std::span<const std::int64_t> rows) {
  Slots slots;
  for (const std::int64_t count : rows) {
    slots.first_row.push_back({slots.num_rows});
    slots.num_rows += count;
  }
  return slots;
}

Slots contiguous_slots(const ExpertCounts& counts, int num_local_experts, int alignment) {
  Slots slots;
  slots.first_row.assign(counts.size(), std::vector<std::int64_t>(num_local_experts, 0));
  for (int expert = 0; expert < num_local_experts; ++expert) {
    slots.expert_offsets.push_back(slots.num_rows);
    for (std::size_t source = 0; source < counts.size(); ++source) {
      slots.first_row[source][expert] = slots.num_rows;
      slots.num_rows += counts[source][expert];
    }
    slots.num_rows = base::round_up<std::int64_t>(slots.num_rows, alignment);
  }
  slots.expert_offsets.push_back(slots.num_rows);
  return slots;
}

Slots padded_slots(const ExpertCounts& counts, int num_local_experts, std::int64_t rows_per_expert) {
  Slots slots{.num_rows = num_local_experts * rows_per_expert};
  slots.first_row.assign(counts.size(), std::vector<std::int64_t>(num_local_experts, 0));
  for (int expert = 0; expert < num_local_experts; ++expert) {
    std::int64_t row = expert * rows_per_expert;
    slots.expert_offsets.push_back(row);
    for (std::size_t source = 0; source < counts.size(); ++source) {
      slots.first_row[source][expert] = row;
      row += counts[source][expert];
    }
  }
  slots.expert_offsets.push_back(slots.num_rows);
  return slots;
}

}  // namespace crossdock::core
