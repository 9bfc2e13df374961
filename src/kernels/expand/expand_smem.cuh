// What a block of an expand knows and plans.
#pragma once

#include <cstdint>

#include "device/port/peer_port.hpp"
#include "kernels/expand/expand_args.hpp"

namespace crossdock::kernels {

inline constexpr int kExpandThreads = 512;
inline constexpr int kExpandWarps = kExpandThreads / 32;

/// Arrived rows are numbered through all sources, gaps between them left out.
struct ExpandSources {
  std::int32_t first[device::kMaxPeers];  ///< row of the arrived block
  std::int32_t rows[device::kMaxPeers];
  std::int32_t begin[device::kMaxPeers];  ///< number of the source's first row
  std::int32_t total;
};

/// One warp, a lane a source.
__device__ __forceinline__ void number_sources(std::int32_t first, std::int32_t rows, ExpandSources& sources) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  std::int32_t end = rows;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const std::int32_t below = __shfl_up_sync(~0U, end, step);
    end += lane >= step ? below : 0;
  }
  sources.first[lane] = first;
  sources.rows[lane] = rows;
  sources.begin[lane] = end - rows;
  if (lane == 31) sources.total = end;
}

inline constexpr int kTileRows = 256;
inline constexpr int kTileEntries = 2048;

/// Consecutive rows, and where each selection of them goes.
struct ExpandTile {
  int num_rows;
  int next_task;
  std::int32_t row[kTileRows];  ///< of the arrived block
  std::int32_t source[kTileRows];
  std::int32_t expert[kTileEntries];  ///< as ArrivedRows::idx
  std::int32_t place[kTileEntries];   ///< row of the layout, where the selection has one of its own; else -1
};

struct ExpandSmem {
  ExpandSources sources;
  std::int32_t next[device::kMaxExperts];     ///< first row of the layout that the expert's next selection gets
  std::int32_t padding[device::kMaxExperts];  ///< rows of padding before the expert
  std::int32_t layout_rows;                   ///< padding included
  std::int32_t padding_rows;
  ExpandTile tiles[2];  ///< one is planned while the other is copied
};

}  // namespace crossdock::kernels
