// The pieces of rows that one warp goes through.
#pragma once

#include <cstdint>

#include "base/math.hpp"
#include "device/numeric/convert.cuh"

namespace crossdock::kernels {

inline constexpr int kCastThreads = 1024;

class Pieces {
 public:
  /// Of eight neighbours a lane; their loads are in flight together.
  static constexpr int kVectors = 4;

  static constexpr int kElements = kVectors * 32 * device::kEight;

  __device__ Pieces(int num_rows, int hidden) : num_rows_(num_rows), per_row_(base::div_up(hidden, kElements)) {
    move(static_cast<int>((blockIdx.x * blockDim.x + threadIdx.x) / 32));
  }

  __device__ bool done() const { return row_ >= num_rows_; }
  __device__ void advance() { move(static_cast<int>(gridDim.x * blockDim.x / 32)); }
  __device__ std::int64_t row() const { return row_; }
  /// Channel that the piece begins with.
  __device__ int first() const { return piece_ * kElements; }
  /// First of the lane's eight channels; it may lie past the end.
  __device__ int at(int vector) const {
    return first() + (vector * 32 + static_cast<int>(threadIdx.x % 32)) * device::kEight;
  }

 private:
  /// By small divisions: one of 64 bits takes as long as a scale.
  __device__ void move(int pieces) {
    piece_ += pieces;
    const int rows = piece_ / per_row_;
    row_ += rows;
    piece_ -= rows * per_row_;
  }

  int num_rows_;
  int per_row_;
  int row_ = 0;
  int piece_ = 0;  ///< of the row
};

}  // namespace crossdock::kernels
