// Rows that have arrived from other GPUs, moved inside this rank's memory; how many there are only the GPU knows.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/ptx/vector.cuh"
#include "kernels/cast/cast_args.hpp"

namespace crossdock::kernels {

inline constexpr int kTile = 32;  ///< rows and words that a block turns around together
inline constexpr int kTileRows = 8;

/// A block a tile, through shared memory: loads and stores both run along memory.
static __global__ void __launch_bounds__(kTile* kTileRows)
    transpose_scales_kernel(const __grid_constant__ TransposeScalesArgs args) {
  __shared__ std::uint32_t tile[kTile][kTile + 1];
  device::wait_for_earlier_kernels();
  const std::int64_t rows = *args.num_rows;
  const int across = (args.words + kTile - 1) / kTile;
  const std::int64_t tiles = (rows + kTile - 1) / kTile * across;
  const int lane = static_cast<int>(threadIdx.x) % kTile;
  const int first = static_cast<int>(threadIdx.x) / kTile;
  for (std::int64_t at = blockIdx.x; at < tiles; at += gridDim.x) {
    const std::int64_t row = at / across * kTile;
    const int word = static_cast<int>(at % across) * kTile;
    __syncthreads();  // the tile before has been stored
#pragma unroll
    for (int i = first; i < kTile; i += kTileRows) {
      if (row + i < rows && word + lane < args.words)
        tile[i][lane] = __ldcg(args.from + (row + i) * args.words + word + lane);
    }
    __syncthreads();
#pragma unroll
    for (int i = first; i < kTile; i += kTileRows) {
      if (row + lane < rows && word + i < args.words)
        args.to[(word + i) * args.word_stride + row + lane] = tile[lane][i];
    }
  }
}

inline constexpr int kCopyThreads = 512;

static __global__ void __launch_bounds__(kCopyThreads) copy_rows_kernel(const __grid_constant__ CopyRowsArgs args) {
  constexpr int kTogether = 4;
  device::wait_for_earlier_kernels();
  const std::int64_t count = *args.num_rows * args.row_bytes / static_cast<std::int64_t>(sizeof(uint4));
  const auto* from = reinterpret_cast<const uint4*>(args.from);
  auto* to = reinterpret_cast<uint4*>(args.to);
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kCopyThreads;
  for (std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * kCopyThreads + threadIdx.x; at < count;
       at += kTogether * stride) {
    uint4 values[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (at + i * stride < count) values[i] = device::load_peer(from + at + i * stride);
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (at + i * stride < count) device::store_once(to + at + i * stride, values[i]);
    }
  }
}

}  // namespace crossdock::kernels
