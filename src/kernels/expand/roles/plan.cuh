// One warp finds the place of every selection of a tile: ordinals in the order of rows and k, never of arrival.
#pragma once

#include "kernels/expand/expand_smem.cuh"

namespace crossdock::kernels {

/// Rows that fit a tile.
__device__ __forceinline__ int rows_of_tile(int top_k) { return min(kTileRows, kTileEntries / top_k); }

/// Reads the selections of rows [begin, begin + num_rows).
__device__ __forceinline__ void read_tile(const ExpandArgs& args, const ExpandSources& sources, std::int32_t begin,
                                          int num_rows, ExpandTile& tile) {
  constexpr int kTogether = 8;  // loads in flight
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = lane; i < num_rows; i += 32) {
    int source = 0;
    while (begin + i >= sources.begin[source] + sources.rows[source]) ++source;
    tile.row[i] = sources.first[source] + begin + i - sources.begin[source];
    tile.source[i] = source;
  }
  if (lane == 0) {
    tile.num_rows = num_rows;
    tile.next_task = kExpandWarps;
  }
  __syncwarp();
  const int entries = num_rows * args.top_k;
  for (int first = lane; first < entries; first += 32 * kTogether) {
    std::int32_t values[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int at = first + i * 32;
      if (at >= entries) continue;
      const int row = at / args.top_k;
      const int k = at - row * args.top_k;
      values[i] = __ldcg(args.arrived.idx + static_cast<std::int64_t>(tile.row[row]) * args.top_k + k);
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (first + i * 32 < entries) tile.expert[first + i * 32] = values[i];
    }
  }
  __syncwarp();
}

/// Gives each selection that has a row of its own the next row of its expert.
__device__ __forceinline__ void place_tile(int top_k, ExpandTile& tile, std::int32_t* next) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int entries = tile.num_rows * top_k;
  for (int first = 0; first < entries; first += 32) {
    const int at = first + lane;
    const std::int32_t expert = at < entries ? tile.expert[at] : -1;
    const std::uint32_t same = __match_any_sync(~0U, expert);
    const int before = __popc(same & ((1U << lane) - 1));
    const std::int32_t place = expert >= 0 ? next[expert] + before : -1;
    __syncwarp();
    if (expert >= 0 && before == 0) next[expert] = place + __popc(same);
    if (at < entries) tile.place[at] = place;
    __syncwarp();
  }
}

}  // namespace crossdock::kernels
