// Which rows a rank receives, and in which order: the definition of the three layouts, read off directly.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/reference/job.hpp"

namespace crossdock::reference {

/// One row of a layout; source -1 = padding (kExpertContiguous) or not used (kExpertPadded).
struct Row {
  int local_expert = -1;  ///< -1 in kFlat
  int source = -1;
  std::int64_t token = -1;
  int k = -1;  ///< kExpertContiguous: the selection; kExpertPadded: the first one that shares the row
};

struct LayoutRows {
  std::vector<Row> rows;                     ///< padding included; kExpertPadded: the static size
  std::vector<std::int64_t> expert_offsets;  ///< kExpertContiguous, [E_local + 1]
};

/// Rows of rank `dst`, whatever its max_recv_rows.
LayoutRows rows_of(const Job& job, int dst);

/// rows_of every rank, empty where it is not live. Throws CapacityExceeded for the lowest rank that would refuse.
std::vector<LayoutRows> all_rows(const Job& job);

}  // namespace crossdock::reference
