// Throughput combine inside a node, kFlat, bf16: a token's rank pulls the peers' rows and adds them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/board.hpp"
#include "device/port/peer_port.hpp"
#include "device/sync/wait_limit.hpp"

namespace crossdock::kernels {

struct CombineArgs {
  device::PeerPort port = {};
  std::uint64_t board = 0;    ///< offset of the Board in every window
  std::uint64_t tag = 0;      ///< of this operation: equal on all ranks, larger than that of any before it
  std::uint64_t rows_at = 0;  ///< offset in the own window of this rank's rows, as dispatch numbered them

  int num_tokens = 0;  ///< T of this rank
  int row_bytes = 0;   ///< a multiple of 16

  // What dispatch left
  const std::int32_t* slots = nullptr;       ///< [T, R]
  const std::int32_t* first_rows = nullptr;  ///< [R]

  std::byte* y = nullptr;  ///< [T] rows, 16-byte aligned

  std::uint32_t* blocks_done = nullptr;  ///< [1], 0 before the first call
  device::WaitLimit limit = {};
};

}  // namespace crossdock::kernels
