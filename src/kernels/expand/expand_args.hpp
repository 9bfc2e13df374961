// Expert layouts at the receiver: rows that arrived once a (token, rank) go to every expert that wants them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/peer_port.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

/// Latency mode's sender marks selections that share the row of an earlier one.
inline constexpr std::int32_t kRepeatedExpert = -2;

/// Rows that have arrived, in one block of this rank's window; the rows of a source are consecutive.
struct ArrivedRows {
  const std::byte* x = nullptr;           ///< [rows, row bytes], 16-byte aligned, row bytes a multiple of 16
  const std::uint32_t* scales = nullptr;  ///< [rows, scale words], or nullptr
  /// [rows, K]: local expert, or -1; kPadded: kRepeatedExpert - local expert where an earlier k of the row has it too.
  const std::int32_t* idx = nullptr;
  const float* weights = nullptr;        ///< [rows, K], or nullptr
  const std::int32_t* tokens = nullptr;  ///< [rows]: token at its source; nullptr: the row's ordinal at its source
  /// By source, in device memory, complete before rows are read. A source that is not live has 0 rows.
  const std::int32_t* first_row = nullptr;  ///< [R]
  const std::int32_t* num_rows = nullptr;   ///< [R]
};

struct ScaleStrides {
  std::int64_t expert = 0;  ///< words; kExpertPadded
  std::int64_t row = 0;
  std::int64_t word = 1;
};

enum class ExpertOrder : std::int32_t { kContiguous, kPadded };

/// Outputs as in crossdock::DispatchResult; what a layout or call does not have is nullptr.
struct ExpandArgs {
  int rank = 0;
  int num_ranks = 1;
  int top_k = 0;
  int num_local_experts = 0;
  int row_bytes = 0;
  int scale_words = 0;
  ArrivedRows arrived = {};

  ExpertOrder order = ExpertOrder::kContiguous;
  int expert_alignment = 1;          ///< kContiguous
  std::int64_t capacity = 0;         ///< kContiguous: rows of the outputs; past the last row row_expert is -1
  std::int64_t rows_per_expert = 0;  ///< kPadded: R * T_max

  std::byte* x = nullptr;           ///< rows of row_bytes
  std::uint32_t* scales = nullptr;  ///< of padding rows: zero bytes
  ScaleStrides scale_strides = {};
  float* weights = nullptr;  ///< [rows of the layout]; kPadded: of a row that several selections share, the lowest k's
  std::int32_t* tokens_per_expert = nullptr;  ///< [E_local]: kContiguous selections, kPadded rows
  std::int64_t* num_rows = nullptr;           ///< [1]: of the layout, padding included; kPadded: rows of all experts
  std::int64_t* expert_offsets = nullptr;     ///< kContiguous [E_local + 1]
  std::int32_t* row_expert = nullptr;         ///< kContiguous [capacity]
  std::int32_t* source = nullptr;             ///< kContiguous [capacity, 3]: (rank, token, k); padding (-1, -1, -1)
  std::int32_t* source_count = nullptr;       ///< kPadded [E_local, R]
  std::int32_t* source_begin = nullptr;       ///< kPadded [E_local, R]
  std::int32_t* source_token = nullptr;       ///< kPadded [E_local, R * T_max]

  /// For combine: [arrived rows, K]: row of the layout (kPadded: expert * rows_per_expert + row) of each selection of
  /// this rank, -1 elsewhere. A repeated expert in kPadded has the same row twice.
  std::int32_t* positions = nullptr;
  const std::uint32_t* gave_up = nullptr;  ///< WaitLimit::gave_up: not 0 = write empty counts only
  /// Did the dispatch before it on the stream fail (its CallOutcome)? Device memory, not 0 = as gave_up; or nullptr.
  const std::uint32_t* failed = nullptr;
};

}  // namespace crossdock::kernels
