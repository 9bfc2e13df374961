// What a rank holds: inputs, outputs and the buffers between, allocated and touched once.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/job.hpp"
#include "harness/memory.hpp"

namespace crossdock::peers {

/// Rows to or from each rank. They lie in rank order without gaps.
struct RowCounts {
  std::vector<int> rows;
  std::vector<int> first;

  explicit RowCounts(int num_ranks) : rows(static_cast<std::size_t>(num_ranks)), first(rows.size()) {}
  int total() const { return first.back() + rows.back(); }
  /// `first` from `rows`.
  void add_up();
};

struct Buffers {
  Buffers(const Job& job, int rank);

  Job job;
  int rank;
  std::vector<int> owner;              ///< rank of each expert
  std::vector<std::int32_t> topk_idx;  ///< [tokens, top_k]
  Memory x;                            ///< [tokens, hidden]
  Memory packed, packed_idx;           ///< to all ranks: [tokens * num_ranks, hidden or top_k]
  Memory rows, rows_idx;               ///< dispatch's output: from all ranks, source rank and token ascending
  Memory expert_outputs;               ///< combine's input, in the order of `rows`
  Memory returned;                     ///< expert outputs of the own tokens, in the order of `packed`
  Memory y;                            ///< [tokens, hidden]

  // what one dispatch leaves for combine
  std::vector<int> slot;  ///< [tokens, num_ranks]: the token's row among those to that rank, or -1
  RowCounts sent, received;

  std::byte* row(const Memory& memory, std::int64_t index) const { return memory.data() + index * job.row_bytes(); }
};

}  // namespace crossdock::peers
