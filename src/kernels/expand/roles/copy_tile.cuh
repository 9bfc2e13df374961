// All warps: the rows of a planned tile, and what lies beside them, to their places.
#pragma once

#include "base/math.hpp"
#include "device/ptx/vector.cuh"
#include "kernels/expand/expand_smem.cuh"

namespace crossdock::kernels {

class TileCopier {
 public:
  __device__ explicit TileCopier(const ExpandArgs& args)
      : args_(args),
        lane_(static_cast<int>(threadIdx.x % 32)),
        row_vectors_(args.row_bytes / static_cast<int>(sizeof(uint4))),
        parts_(base::div_up(row_vectors_, kPartVectors)) {}

  /// Parts of rows first, because they take longest.
  __device__ void run(ExpandTile& tile) const {
    const int parts = tile.num_rows * parts_;
    const int scales = parts + (args_.scales != nullptr ? tile.num_rows : 0);
    const int all = scales + base::div_up(tile.num_rows * args_.top_k, 32);
    for (int task = static_cast<int>(threadIdx.x / 32); task < all; task = claim(tile)) {
      if (task < parts) {
        copy_part(tile, task / parts_, task % parts_);
      } else if (task < scales) {
        copy_scales(tile, task - parts);
      } else {
        write_selections(tile, (task - scales) * 32 + lane_);
      }
    }
  }

 private:
  /// Vectors a lane has in flight.
  static constexpr int kTogether = 8;
  static constexpr int kPartVectors = 32 * kTogether;

  __device__ int claim(ExpandTile& tile) const {
    int task = 0;
    if (lane_ == 0) task = atomicAdd(&tile.next_task, 1);
    return __shfl_sync(~0U, task, 0);
  }

  /// Of the lane's selection of a row, or -1.
  __device__ std::int32_t place_of(const ExpandTile& tile, int row) const {
    return lane_ < args_.top_k ? tile.place[row * args_.top_k + lane_] : -1;
  }

  __device__ void copy_part(const ExpandTile& tile, int row, int part) const {
    const std::int32_t place = place_of(tile, row);
    std::uint32_t left = __ballot_sync(~0U, place >= 0);
    if (left == 0) return;
    const std::int64_t first = part * kPartVectors + lane_;
    const auto* from = reinterpret_cast<const uint4*>(args_.arrived.x) +
                       static_cast<std::int64_t>(tile.row[row]) * row_vectors_ + first;
    uint4 values[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      values[i] = device::load_peer_if(from + i * 32, first + i * 32 < row_vectors_);
    }
    for (; left != 0; left &= left - 1) {
      const std::int64_t to_row = __shfl_sync(~0U, place, __ffs(static_cast<int>(left)) - 1);
      auto* to = reinterpret_cast<uint4*>(args_.x) + to_row * row_vectors_ + first;
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (first + i * 32 < row_vectors_) device::store_once(to + i * 32, values[i]);
      }
    }
  }

  __device__ void copy_scales(const ExpandTile& tile, int row) const {
    const std::int32_t place = place_of(tile, row);
    const std::uint32_t wanted = __ballot_sync(~0U, place >= 0);
    const std::int64_t at = place * args_.scale_strides.row;
    const std::uint32_t* from = args_.arrived.scales + static_cast<std::int64_t>(tile.row[row]) * args_.scale_words;
    for (int word = lane_; word - lane_ < args_.scale_words; word += 64) {
      const bool has_first = word < args_.scale_words;
      const bool has_second = word + 32 < args_.scale_words;
      const std::uint32_t first = has_first ? __ldcg(from + word) : 0;
      const std::uint32_t second = has_second ? __ldcg(from + word + 32) : 0;
      for (std::uint32_t left = wanted; left != 0; left &= left - 1) {
        std::uint32_t* to = args_.scales + __shfl_sync(~0U, at, __ffs(static_cast<int>(left)) - 1);
        if (has_first) to[word * args_.scale_strides.word] = first;
        if (has_second) to[(word + 32) * args_.scale_strides.word] = second;
      }
    }
  }

  /// A lane a selection.
  __device__ void write_selections(const ExpandTile& tile, int at) const {
    if (at >= tile.num_rows * args_.top_k) return;
    const int row = at / args_.top_k;
    const std::int32_t from_row = tile.row[row];
    const int k = at - row * args_.top_k;
    const std::int64_t from = static_cast<std::int64_t>(from_row) * args_.top_k + k;
    const std::int64_t place = tile.place[at];
    if (args_.positions != nullptr) args_.positions[from] = tile.place[at];
    if (place < 0) return;
    if (args_.weights != nullptr) {
      args_.weights[place] = args_.arrived.weights != nullptr ? __ldcg(args_.arrived.weights + from) : 0.0F;
    }
    args_.row_expert[place] = tile.expert[at];
    args_.source[3 * place] = tile.source[row];
    args_.source[3 * place + 1] = __ldcg(args_.arrived.tokens + from_row);
    args_.source[3 * place + 2] = k;
  }

  const ExpandArgs& args_;
  int lane_;
  int row_vectors_;
  int parts_;
};

}  // namespace crossdock::kernels
