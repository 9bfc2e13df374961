// The pieces of rows that one warp goes through.
#pragma once

#include <cstdint>

#include "base/math.hpp"
#include "device/numeric/convert.cuh"

namespace crossdock::kernels {

inline constexpr int kCastThreads = 512;

class Pieces {
 public:
  /// Of eight neighbours a lane; their loads are in flight together.
  static constexpr int kVectors = 4;

  __device__ Pieces(int num_rows, int hidden)
      : per_row_(base::div_up(hidden, kElements)),
        count_(std::int64_t{num_rows} * per_row_),
        at_((static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32) {}

  __device__ bool done() const { return at_ >= count_; }
  __device__ void advance() { at_ += static_cast<std::int64_t>(gridDim.x) * blockDim.x / 32; }
  __device__ std::int64_t row() const { return at_ / per_row_; }
  /// First of the lane's eight channels; it may lie past the end.
  __device__ int at(int vector) const {
    return static_cast<int>(at_ % per_row_) * kElements +
           (vector * 32 + static_cast<int>(threadIdx.x % 32)) * device::kEight;
  }

 private:
  static constexpr int kElements = kVectors * 32 * device::kEight;

  int per_row_;
  std::int64_t count_;
  std::int64_t at_;
};

}  // namespace crossdock::kernels
