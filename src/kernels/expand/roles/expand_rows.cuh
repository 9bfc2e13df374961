// A block's share of an expand.
#pragma once

#include "kernels/expand/roles/copy_tile.cuh"
#include "kernels/expand/roles/count.cuh"
#include "kernels/expand/roles/layout.cuh"
#include "kernels/expand/roles/plan.cuh"

namespace crossdock::kernels {

/// Blocks share the arrived rows in equal, consecutive parts. Each counts for itself the selections before its part, so
/// that nobody waits for another block; a row is read once and stored to all its experts.
class RowExpander {
 public:
  /// smem.sources is filled.
  __device__ RowExpander(const ExpandArgs& args, ExpandSmem& smem)
      : args_(args),
        smem_(smem),
        copier_(args),
        warp_(static_cast<int>(threadIdx.x / 32)),
        begin_(share(blockIdx.x)),
        end_(share(blockIdx.x + 1)),
        tile_rows_(rows_of_tile(args.top_k)) {}

  /// All threads of all blocks.
  __device__ void run() {
    place_experts(args_, smem_);
    if (blockIdx.x == 0) write_offsets(args_, smem_);
    write_padding(args_, smem_);
    clear_row_experts(args_, smem_.layout_rows);
    __syncthreads();
    if (begin_ < end_) expand();
  }

 private:
  /// First row of a block's part.
  __device__ std::int32_t share(std::uint32_t block) const {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(smem_.sources.total) * block / gridDim.x);
  }

  __device__ void read(std::int32_t begin, ExpandTile& tile) {
    read_tile(args_, smem_.sources, begin, min(tile_rows_, end_ - begin), tile);
  }

  /// The first warp reads the first tile while the others count what comes before it; later ones it plans while the
  /// others copy.
  __device__ void expand() {
    if (warp_ == 0) {
      read(begin_, smem_.tiles[0]);
    } else {
      count_rows(args_, smem_.sources, begin_, smem_.next, warp_ - 1, kExpandWarps - 1);
    }
    __syncthreads();
    if (warp_ == 0) place_tile(args_.top_k, smem_.tiles[0], smem_.next);
    __syncthreads();
    int current = 0;
    for (std::int32_t at = begin_; at < end_; at += tile_rows_) {
      const std::int32_t after = at + tile_rows_;
      if (warp_ == 0 && after < end_) {
        read(after, smem_.tiles[1 - current]);
        place_tile(args_.top_k, smem_.tiles[1 - current], smem_.next);
      }
      copier_.run(smem_.tiles[current]);
      __syncthreads();
      current = 1 - current;
    }
  }

  const ExpandArgs& args_;
  ExpandSmem& smem_;
  TileCopier copier_;
  int warp_;
  std::int32_t begin_;
  std::int32_t end_;
  int tile_rows_;
};

}  // namespace crossdock::kernels
