// Which ranks a block serves, and how its warps take their part.
#pragma once

#include "kernels/dispatch/dispatch_args.hpp"

namespace crossdock::kernels {

/// Blocks of one share go through all tokens together.
struct Share {
  int block = 0;  ///< of this block among those of its share; -1: it belongs to the other one
  int num_blocks = 1;
  bool own = true;    ///< serves the own rank
  bool peers = true;  ///< serves the others

  __device__ bool serves(int rank, int own_rank) const { return rank == own_rank ? own : peers; }
  __device__ int counter() const { return peers ? 0 : 1; }
};

__device__ __forceinline__ Share share_of_block(const DispatchArgs& args) {
  const int block = static_cast<int>(blockIdx.x);
  const int blocks = static_cast<int>(gridDim.x);
  const int wire_blocks = blocks - args.own_blocks;
  if (args.own_blocks == 0) return {.block = block, .num_blocks = blocks};
  if (block < wire_blocks) return {.block = block, .num_blocks = wire_blocks, .own = false, .peers = true};
  return {.block = block - wire_blocks, .num_blocks = args.own_blocks, .own = true, .peers = false};
}

/// The one that a block of `share` helps with at the end.
__device__ __forceinline__ Share other_share(const DispatchArgs& args, const Share& share) {
  return {.block = -1,
          .num_blocks = static_cast<int>(gridDim.x) - share.num_blocks,
          .own = share.peers,
          .peers = share.own};
}

/// Chunks of a share, one at a time, to whoever comes: SMs are not equally fast on the wire, and equal parts would wait
/// for the slowest. A warp of the share's own blocks takes its first one without asking.
class Claims {
 public:
  __device__ Claims(const DispatchArgs& args, const Share& share, int warp, int warps)
      : counter_(args.claimed + share.counter()), first_(share.block * warps + warp), base_(share.num_blocks * warps) {
    if (share.block < 0) first_ = -1;
  }

  /// Asks for the next one; nobody waits for the answer yet.
  __device__ void ask() {
    if (first_ < 0 && threadIdx.x % 32 == 0) answer_ = base_ + static_cast<int>(atomicAdd(counter_, 1U));
  }
  /// The one that was asked for.
  __device__ int take() {
    const int chunk = first_ >= 0 ? first_ : __shfl_sync(~0U, answer_, 0);
    first_ = -1;
    return chunk;
  }

 private:
  std::uint32_t* counter_;
  int first_;
  int base_;
  int answer_ = 0;
};

}  // namespace crossdock::kernels
