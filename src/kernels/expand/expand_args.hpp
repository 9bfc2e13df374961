// expert_contiguous at the receiver: rows that arrived once a (token, rank) go to every expert that wants them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/peer_port.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

/// Rows that have arrived, in one block of this rank's window; the rows of a source are consecutive.
struct ArrivedRows {
  const std::byte* x = nullptr;           ///< [rows, row bytes], 16-byte aligned, row bytes a multiple of 16
  const std::uint32_t* scales = nullptr;  ///< [rows, scale words], or nullptr
  const std::int32_t* idx = nullptr;      ///< [rows, K]: local expert, or -1
  const float* weights = nullptr;         ///< [rows, K], or nullptr
  const std::int32_t* tokens = nullptr;   ///< [rows]: token at its source
  /// By source, in device memory, complete before rows are read. A source that is not live has 0 rows.
  const std::int32_t* first_row = nullptr;  ///< [R]
  const std::int32_t* num_rows = nullptr;   ///< [R]
};

struct ScaleStrides {
  std::int64_t row = 0;  ///< words
  std::int64_t word = 1;
};

/// Outputs as in crossdock::DispatchResult; what a layout or call does not have is nullptr.
struct ExpandArgs {
  int num_ranks = 1;
  int top_k = 0;
  int num_local_experts = 0;
  int row_bytes = 0;
  int scale_words = 0;
  ArrivedRows arrived = {};

  int expert_alignment = 1;
  std::int64_t capacity = 0;  ///< rows of the outputs; past the last row row_expert is -1

  std::byte* x = nullptr;           ///< rows of row_bytes
  std::uint32_t* scales = nullptr;  ///< of padding rows: zero bytes
  ScaleStrides scale_strides = {};
  float* weights = nullptr;                   ///< [rows of the layout]
  std::int32_t* tokens_per_expert = nullptr;  ///< [E_local]: selections
  std::int64_t* num_rows = nullptr;           ///< [1]: of the layout, padding included
  std::int64_t* expert_offsets = nullptr;     ///< [E_local + 1]
  std::int32_t* row_expert = nullptr;         ///< [capacity]
  std::int32_t* source = nullptr;             ///< [capacity, 3]: (rank, token, k); padding (-1, -1, -1)

  /// For combine: [arrived rows, K]: row of the layout of each selection of this rank, -1 elsewhere.
  std::int32_t* positions = nullptr;
  const std::uint32_t* gave_up = nullptr;  ///< WaitLimit::gave_up: not 0 = write empty counts only
  /// Did the dispatch before it on the stream fail (its CallOutcome)? Device memory, not 0 = as gave_up; or nullptr.
  const std::uint32_t* failed = nullptr;
};

}  // namespace crossdock::kernels
