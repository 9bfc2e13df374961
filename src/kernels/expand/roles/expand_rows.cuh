// A block's share of an expand, whatever brought the rows.
#pragma once

#include "kernels/expand/roles/contiguous.cuh"
#include "kernels/expand/roles/copy_tile.cuh"
#include "kernels/expand/roles/count.cuh"
#include "kernels/expand/roles/padded.cuh"
#include "kernels/expand/roles/plan.cuh"

namespace crossdock::kernels {

/// Blocks share the arrived rows in equal, consecutive parts. Each counts for itself the selections before its part, so
/// that nobody waits for another block; a row is read once and stored to all its experts.
template <ExpertOrder kOrder>
class RowExpander {
 public:
  /// smem.sources is filled. kept_weights as LatencyReceiveArgs has it, or nullptr.
  __device__ RowExpander(const ExpandArgs& args, float* kept_weights, ExpandSmem& smem)
      : args_(args),
        smem_(smem),
        copier_(args, smem.sources, kept_weights),
        warp_(static_cast<int>(threadIdx.x / 32)),
        num_counting_(kOrder == ExpertOrder::kPadded ? num_counting_blocks(args.num_ranks) : 0),
        num_copying_(static_cast<int>(gridDim.x) - num_counting_),
        block_(static_cast<int>(blockIdx.x)),
        begin_(share(block_)),
        end_(share(block_ + 1)),
        tile_rows_(rows_of_tile(args.top_k)) {}

  /// All threads of all blocks.
  __device__ void run() {
    if constexpr (kOrder == ExpertOrder::kPadded) {
      if (num_counting_ == 0) write_sources(args_, 0, 1, smem_);
      if (block_ >= num_copying_) {
        write_sources(args_, block_ - num_copying_, num_counting_, smem_);
        return;
      }
      place_experts_apart();
    } else {
      place_experts(args_, smem_);
      if (block_ == 0) write_offsets(args_, smem_);
      write_padding(args_, smem_);
      clear_row_experts(args_, smem_.layout_rows);
      __syncthreads();
    }
    if (begin_ < end_) expand();
  }

 private:
  /// First row of a block's part.
  __device__ std::int32_t share(int block) const {
    return static_cast<std::int32_t>(static_cast<std::int64_t>(smem_.sources.total) * min(block, num_copying_) /
                                     num_copying_);
  }

  __device__ void place_experts_apart() {
    __syncthreads();
    for (int expert = static_cast<int>(threadIdx.x); expert < args_.num_local_experts; expert += kExpandThreads) {
      smem_.next[expert] = static_cast<std::int32_t>(expert * args_.rows_per_expert);
    }
    __syncthreads();
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
      count_rows(args_, smem_.sources, begin_, smem_.next, -1, nullptr, warp_ - 1, kExpandWarps - 1);
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
  TileCopier<kOrder> copier_;
  int warp_;
  int num_counting_;
  int num_copying_;
  int block_;
  std::int32_t begin_;
  std::int32_t end_;
  int tile_rows_;
};

}  // namespace crossdock::kernels
