// Shared memory of the dispatch kernel; its size is the launch size.
#pragma once

#include "kernels/dispatch/dispatch_args.hpp"
#include "kernels/dispatch/dispatch_variant.hpp"

namespace crossdock::kernels {

/// Bytes of a row's scales that fit beside its first chunk: 128 words.
inline constexpr int kMaxRidingScales = 512;

/// What a block knows once all ranks have announced.
struct DispatchEntry {
  std::uint64_t tag;
  bool started_last;      ///< this block did, of all blocks
  std::uint32_t missing;  ///< not 0: rows of some rank did not come
  device::CallState state;
  // Unless kDone: device::CallOutcome
  std::int32_t rank;
  std::int32_t field;
  std::int32_t theirs;
  std::int64_t rows_needed;
  std::int64_t rows_taken;
  // By rank
  std::int32_t blocks[device::kMaxPeers];
  std::int64_t first_row[device::kMaxPeers];  ///< of this source
  std::int64_t wire_rows[device::kMaxPeers];  ///< of all sources
  std::int64_t layout_capacity[device::kMaxPeers];
  unsigned long long layout_rows[device::kMaxPeers];  ///< of all sources, padding included; kExpertContiguous
  device::Offer offers[device::kMaxPeers];
};

/// A lane's part of a chunk on its way.
struct ChunkSlot {
  std::int32_t chunk;
  std::int32_t slot;  ///< at the lane's rank, or -1
};

template <DispatchVariant V>
struct DispatchSmem {
  alignas(128) std::byte chunks[V.row_warps][V.stages][V.chunk_bytes];
  std::uint64_t full[V.row_warps][V.stages];
  alignas(16) std::byte scales[V.row_warps][V.stages][kMaxRidingScales];
  ChunkSlot slots[V.row_warps][V.stages][device::kMaxPeers];
  DispatchEntry entry;
};

}  // namespace crossdock::kernels
