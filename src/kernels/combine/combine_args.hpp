// Throughput combine inside a node: a token's rank pulls the peers' rows and adds them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"
#include "device/port/board.hpp"
#include "device/port/peer_port.hpp"
#include "device/port/terms.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

struct CombineArgs {
  device::PeerPort port = {};
  std::uint64_t board = 0;  ///< offset of the Board in every window
  device::Channel* channel = nullptr;
  device::Terms terms = {};
  /// Offsets in the own window: this rank's rows (one a (token, rank) as dispatch numbered them; kPerSelection: the
  /// layout's rows), the weights that arrived beside them, and GatherArgs::positions.
  std::uint64_t rows_at = 0;
  std::uint64_t recv_weights_at = 0;
  std::uint64_t positions_at = 0;

  int num_tokens = 0;  ///< T of this rank
  int top_k = 0;
  int num_experts = 0;
  int hidden = 0;
  DType row_dtype = DType::kBf16;   ///< of the rows that are pulled: bf16, fp16 or fp32
  DType wire_dtype = DType::kBf16;  ///< rows are rounded to it before they are added
  DType out_dtype = DType::kBf16;
  bool per_selection = false;   ///< rows by (rank, k) instead of one a rank
  bool round_node_sum = false;  ///< kHierarchical with one node: the sum is rounded to the wire type once

  // What dispatch left
  const std::int32_t* slots = nullptr;       ///< [T, R]
  const std::int32_t* first_rows = nullptr;  ///< [R]
  const std::uint32_t* failed = nullptr;     ///< [1]: not 0 = it left nothing: y is the biases
  /// Latency mode, where there are no slots: not 0 = this rank's token t is row rank * tokens_per_source + t of every
  /// rank that holds one of its experts.
  std::int64_t tokens_per_source = 0;
  const std::int32_t* selections = nullptr;  ///< [T, K] global expert or -1: per_selection and collected weights

  const float* weights = nullptr;  ///< per_selection: [T, K], or nullptr
  const std::byte* bias0 = nullptr;
  const std::byte* bias1 = nullptr;
  DType bias0_dtype = DType::kBf16;
  DType bias1_dtype = DType::kBf16;

  std::byte* y = nullptr;         ///< [T] rows, 16-byte aligned
  float* topk_weights = nullptr;  ///< [T, K]: recv weights summed back, 0 where there is no selection; or nullptr

  device::CallOutcome* outcome = nullptr;
  device::WaitLimit limit = {};
};

}  // namespace crossdock::kernels
