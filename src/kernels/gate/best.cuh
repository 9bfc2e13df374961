// The best of some values, as src/core/routing/gate.cpp ranks them.
#pragma once

#include <cstdint>

namespace crossdock::kernels {

/// Larger for what ranks above; equal for what ties. NaN ranks below every number, -0 with +0.
__device__ __forceinline__ std::uint32_t rank_key(float value) {
  if (value != value) return 0;
  const std::uint32_t bits = value == 0.0F ? 0 : __float_as_uint(value);
  return (bits & 0x8000'0000U) != 0 ? ~bits : bits | 0x8000'0000U;
}

/// One warp takes the best of `count` values one by one; ties go to the lower index. Lane l holds values l, l + 32, ...
class BestOf {
 public:
  /// At most 32 values a lane: `count` is at most 1024.
  __device__ BestOf(const float* values, int count)
      : values_(values), count_(count), lane_(static_cast<int>(threadIdx.x % 32)) {}

  /// The lane's own value of that index is not to be taken.
  __device__ void leave_out(int index) { taken_ |= 1U << (index / 32); }

  /// Index of the best value that is left; there is one.
  __device__ int take() {
    std::uint32_t best = 0;
    int index = kNone;
    for (int i = lane_; i < count_; i += 32) {
      const std::uint32_t key = rank_key(values_[i]);
      if ((taken_ >> (i / 32) & 1U) != 0 || (index != kNone && key <= best)) continue;
      best = key;
      index = i;
    }
    const std::uint32_t highest = __reduce_max_sync(~0U, best);
    const int winner = __reduce_min_sync(~0U, index != kNone && best == highest ? index : kNone);
    if (winner % 32 == lane_) leave_out(winner);
    return winner;
  }

 private:
  static constexpr int kNone = 0x7FFF'FFFF;

  const float* values_;
  int count_;
  int lane_;
  std::uint32_t taken_ = 0;
};

}  // namespace crossdock::kernels
