// Throughput dispatch inside a node, kFlat: rows of any type straight into their final slots.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/board.hpp"
#include "device/port/peer_port.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

/// Most SMs of a launch: what the largest GPU has, and more.
inline constexpr int kMaxSms = 256;

/// How the kernel ended.
enum class DispatchState : std::int32_t { kDone, kCapacityExceeded, kGaveUp };

struct DispatchOutcome {
  DispatchState state = DispatchState::kDone;
  std::int32_t refusing_rank = -1;  ///< kCapacityExceeded: the lowest rank that more rows were meant for than it takes
  std::int64_t num_rows = 0;        ///< rows that arrived; 0 unless kDone
  std::int64_t rows_needed = 0;     ///< kCapacityExceeded: by the refusing rank
};

struct DispatchArgs {
  device::PeerPort port = {};
  std::uint64_t board = 0;  ///< offset of the Board in every window
  std::uint64_t tag = 0;    ///< of this operation: equal on all ranks, larger than that of any before it

  // Input of this rank
  int num_tokens = 0;
  int top_k = 0;
  int num_experts = 0;
  int row_bytes = 0;              ///< of x: a multiple of 16
  int scale_words = 0;            ///< 4 bytes each, row-major; 0 = none
  std::int64_t scale_stride = 0;  ///< words between rows
  const std::byte* x = nullptr;   ///< [T] rows, 16-byte aligned
  const std::uint32_t* scales = nullptr;
  const void* topk_idx = nullptr;       ///< [T, K]
  bool idx_is_64 = false;               ///< of input and output
  const float* topk_weights = nullptr;  ///< [T, K], or none on all ranks

  // The route, from launch_routing or from a handle
  const std::int32_t* slots = nullptr;        ///< [T, R]
  const std::int32_t* rank_rows = nullptr;    ///< [R]
  const std::int32_t* expert_rows = nullptr;  ///< [E]

  // Results of this rank
  device::Offer offer = {};                   ///< where they lie in the own window
  std::int32_t* tokens_per_expert = nullptr;  ///< [E_local]
  std::int32_t* first_rows = nullptr;         ///< [R]: this source's first row at each rank, for combine
  DispatchOutcome* outcome = nullptr;         ///< device or host memory

  std::uint32_t* blocks_done = nullptr;  ///< [1], 0 before the first call
  std::uint32_t* claimed = nullptr;      ///< [2], 0 before the first call
  device::WaitLimit limit = {};
};

}  // namespace crossdock::kernels
