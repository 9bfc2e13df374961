// Shared memory of the dispatch kernel; its size is the launch size.
#pragma once

#include "kernels/dispatch/dispatch_args.hpp"
#include "kernels/dispatch/dispatch_variant.hpp"

namespace crossdock::kernels {

/// Bytes of a row's scales that fit beside its first chunk: 128 words.
inline constexpr int kMaxRidingScales = 512;

/// What a block knows once all ranks have announced.
struct DispatchEntry {
  DispatchState state;
  std::int32_t refusing_rank;
  std::int64_t rows_needed;
  std::int64_t num_rows;                      ///< that this rank receives
  std::int64_t first_row[device::kMaxPeers];  ///< of this source at each rank
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
