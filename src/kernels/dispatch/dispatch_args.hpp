// Throughput dispatch inside a node: rows of any type straight into their final slots, one a (token, rank).
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/board.hpp"
#include "device/port/peer_port.hpp"
#include "device/port/terms.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

struct DispatchArgs {
  device::PeerPort port = {};
  std::uint64_t board = 0;  ///< offset of the Board in every window
  device::Channel* channel = nullptr;
  device::Terms terms = {};  ///< rejected >= 0: this rank only takes part in the announcements; no slots are read

  // Input of this rank
  int num_tokens = 0;
  int top_k = 0;
  int num_experts = 0;
  int row_bytes = 0;                  ///< of x: a multiple of 16
  int scale_words = 0;                ///< 4 bytes each; 0 = none
  std::int64_t scale_row_stride = 0;  ///< words
  std::int64_t scale_word_stride = 1;
  const std::byte* x = nullptr;  ///< [T] rows, 16-byte aligned
  const std::uint32_t* scales = nullptr;
  const void* topk_idx = nullptr;       ///< [T, K]
  bool idx_is_64 = false;               ///< of the input
  bool recv_idx_is_64 = false;          ///< of what receivers get
  const float* topk_weights = nullptr;  ///< [T, K], or none on all ranks

  // The route, from launch_routing or from a handle
  const std::int32_t* slots = nullptr;        ///< [T, R]
  const std::int32_t* rank_rows = nullptr;    ///< [R]
  const std::int32_t* expert_rows = nullptr;  ///< [E]

  // Results of this rank
  device::Offer offer = {};          ///< where they lie in the own window
  bool with_tokens = false;          ///< offer.tokens is wanted (expert layouts)
  bool is_contiguous = false;        ///< kExpertContiguous: layout_capacity counts rows of the experts, padded
  bool clear_past_the_end = true;    ///< kFlat: indices past the last row become -1
  std::int64_t layout_capacity = 0;  ///< rows of the layout that this rank takes; kFlat: offer.capacity
  int expert_alignment = 1;
  std::int32_t* tokens_per_expert = nullptr;  ///< [E_local]: selections
  std::int32_t* first_rows = nullptr;         ///< [R]: this source's first row at each rank, for combine
  std::int32_t* source_first = nullptr;       ///< [R]: each source's first row here
  std::int32_t* source_rows = nullptr;        ///< [R]: each source's rows here
  std::int64_t* num_rows = nullptr;           ///< [1], device: rows of the layout here; 0 where the call failed
  std::uint32_t* failed = nullptr;            ///< [1], device: not 0 where the call failed
  /// Written as soon as all ranks have announced (the host may go on with it); a wait that gives up later is told by
  /// limit.report.
  device::CallOutcome* outcome = nullptr;
  bool host_waits = false;

  device::WaitLimit limit = {};
};

}  // namespace crossdock::kernels
