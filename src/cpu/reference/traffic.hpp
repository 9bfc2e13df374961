// Rows counted token by token.
#pragma once

#include <cstdint>

#include "cpu/reference/job.hpp"

namespace crossdock::reference {

/// Rows that leave `rank` in dispatch and come back to it in combine: one a (token, rank) or, if `per_selection`, one
/// a selection; between nodes always one a (token, other node).
Traffic traffic_of(const Job& job, int rank, std::int64_t row_bytes, bool per_selection);

}  // namespace crossdock::reference
