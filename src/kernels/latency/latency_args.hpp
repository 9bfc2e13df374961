// Latency mode: rows go at once to static areas of their receivers; nothing is counted before, nobody answers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"
#include "device/port/board.hpp"
#include "device/port/peer_port.hpp"
#include "device/port/terms.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

/// Sends each token once to every live rank that has an expert of it: row (source * max_tokens + token) of each part of
/// the area. A word a selection (selection_word.cuh) goes to every live rank for every token: where none is for the
/// rank no row comes.
struct LatencySendArgs {
  device::PeerPort port = {};
  std::uint64_t latency_board = 0;  ///< offset of the slot's LatencyBoard in every window
  std::uint64_t board = 0;          ///< offset of the Board in every window: who gave up
  device::LatencyArea area = {};    ///< of the slot
  device::Channel* channel = nullptr;
  device::Terms terms = {};  ///< rejected >= 0: no row is sent

  int num_tokens = 0;
  int max_tokens = 0;  ///< T_max
  int top_k = 0;
  int num_experts = 0;
  int hidden = 0;
  DType x_dtype = DType::kBf16;  ///< of the input
  Quantize quantize = Quantize::kNone;
  int row_bytes = 0;    ///< of what is sent
  int scale_words = 0;  ///< of what is sent
  const std::byte* x = nullptr;
  const std::uint32_t* scales = nullptr;  ///< ready FP8: strides in words
  std::int64_t scale_row_stride = 0;
  std::int64_t scale_word_stride = 1;
  const void* topk_idx = nullptr;
  bool idx_is_64 = false;
  const float* topk_weights = nullptr;  ///< or none on all ranks
  /// For combine: int32 [T, K], global expert, or -1 where it is none, out of range or of a rank that is not live.
  std::int32_t* selections = nullptr;
  device::WaitLimit limit = {};
  bool alone = false;  ///< on its GPU: the next kernel's blocks may come while these run
};

/// Outputs of expert_padded as in crossdock::DispatchResult; what a call does not have is nullptr.
struct PaddedRows {
  std::byte* x = nullptr;           ///< [E_local, R * max_tokens] rows of row_bytes
  std::uint32_t* scales = nullptr;  ///< strides in words
  std::int64_t scale_expert_stride = 0;
  std::int64_t scale_row_stride = 0;
  std::int64_t scale_word_stride = 1;
  float* weights = nullptr;                   ///< of a row that several selections share, the lowest k's
  std::int32_t* tokens_per_expert = nullptr;  ///< [E_local]: rows
  std::int64_t* num_rows = nullptr;           ///< [1]: of all experts
  std::int32_t* source_count = nullptr;       ///< [E_local, R]
  std::int32_t* source_begin = nullptr;       ///< [E_local, R]
  std::int32_t* source_token = nullptr;       ///< [E_local, R * max_tokens]
};

/// Waits for the rows of all live sources, gives each to its experts, and leaves the area empty.
struct LatencyReceiveArgs {
  device::PeerPort port = {};
  std::uint64_t latency_board = 0;
  std::uint64_t board = 0;
  device::LatencyArea area = {};
  device::Channel* channel = nullptr;  ///< the receives' own
  device::Terms terms = {};
  int max_tokens = 0;
  int top_k = 0;
  int num_local_experts = 0;
  int row_bytes = 0;  ///< a multiple of 16
  int scale_words = 0;
  PaddedRows out = {};

  // For combine
  std::int32_t* first_row = nullptr;  ///< [R]
  std::int32_t* num_rows = nullptr;   ///< [R]
  /// [R * max_tokens, K]: expert * (R * max_tokens) + row of each selection of this rank, -1 elsewhere; a repeated
  /// expert has the same row twice.
  std::int32_t* positions = nullptr;
  float* kept_weights = nullptr;  ///< [R * max_tokens, K], or nullptr: weights that came, as the area is written again
  std::uint32_t* failed = nullptr;  ///< [1]: not 0 where the call failed
  device::CallOutcome* outcome = nullptr;
  device::WaitLimit limit = {};
  bool alone = false;     ///< on its GPU: the next kernel's blocks may come while these run
  bool directly = false;  ///< behind its send on the stream: outputs are free before that has ended
};

/// What the experts of this rank made of its own tokens.
struct OwnRows {
  const std::byte* x = nullptr;              ///< as the layout has them, of the wire type; nullptr: gather brings them
  const std::int32_t* positions = nullptr;   ///< [T, K]: row of x, or -1
  const std::int32_t* num_tokens = nullptr;  ///< [1]: of the dispatch; 0 where it failed
  const float* weights = nullptr;            ///< [T, K], or nullptr
};

/// The end of a latency combine: adds the rows that GatherArgs::Target::kSource brought, and the own ones.
struct LatencySumArgs {
  device::PeerPort port = {};
  std::uint64_t latency_board = 0;  ///< of the combine
  std::uint64_t board = 0;
  device::LatencyArea area = {};
  device::Channel* channel = nullptr;  ///< the receives' own
  device::Terms terms = {};
  int num_tokens = 0;
  int max_tokens = 0;
  int top_k = 0;
  int num_experts = 0;
  int hidden = 0;
  DType wire_dtype = DType::kBf16;
  DType out_dtype = DType::kBf16;
  bool round_node_sum = false;  ///< kHierarchical with one node: the sum is rounded to the wire type once
  // Not written by the kernel before: read before that has ended
  const std::int32_t* selections = nullptr;  ///< [T, K], as LatencySendArgs wrote them
  const std::uint32_t* failed = nullptr;     ///< LatencyReceiveArgs::failed: no rank has rows
  OwnRows own = {};
  const std::byte* bias0 = nullptr;  ///< [T, H] dense, or nullptr
  const std::byte* bias1 = nullptr;
  DType bias0_dtype = DType::kBf16;
  DType bias1_dtype = DType::kBf16;
  std::byte* y = nullptr;  ///< [T, H]
  device::CallOutcome* outcome = nullptr;
  device::WaitLimit limit = {};
  bool alone = false;     ///< on its GPU: the next kernel's blocks may come while these run
  bool directly = false;  ///< behind its gather on the stream: y is free before that has ended
};

}  // namespace crossdock::kernels
