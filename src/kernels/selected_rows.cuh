// A warp adds parts of the rows that selections name, task after task; the rows of two tasks are on their way together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/copy/row_ring.cuh"
#include "device/numeric/row_sum.cuh"

namespace crossdock::kernels {

/// A lane's: a row of x, or -1, and its weight. A weight of 1 changes no sum.
struct RowSelection {
  std::int32_t position = -1;
  float weight = 1.0F;
};

/// The selections of one task, and the first channel of its part.
struct SelectedPart {
  RowSelection selection = {};
  int channel = 0;
};

template <DType kType>
class SelectedRows {
 public:
  using Ring = device::RowRing<kType>;

  __device__ __forceinline__ SelectedRows(typename Ring::Smem& smem, const std::byte* x, int hidden)
      : ring_(smem), x_(x), hidden_(hidden) {}

  /// Rows of the first two tasks.
  __device__ __forceinline__ void start(const SelectedPart& current, const SelectedPart& next) {
    current_ = current;
    next_ = next;
    left_ = rows_of(current_);
    feed();
  }

  __device__ __forceinline__ bool has_rows() const { return rows_of(current_) != 0; }

  /// The current task's rows, in ascending order of lanes.
  __device__ __forceinline__ void add_to(device::RowSum<kType>& sum) {
    for (std::uint32_t rows = rows_of(current_); rows != 0; rows &= rows - 1) {
      const float weight = __shfl_sync(~0U, current_.selection.weight, __ffs(static_cast<int>(rows)) - 1);
      device::RawEight<Ring::kElementBytes> raw[Ring::kEights];
      ring_.pop(raw);
      sum.add_weighted(raw, weight);
      feed();
    }
  }

  /// The next task is the current one.
  __device__ __forceinline__ void advance(const SelectedPart& next) {
    if (!feeds_next_) left_ = rows_of(next_);
    feeds_next_ = false;
    current_ = next_;
    next_ = next;
    feed();
  }

  /// Nobody wants the rows that are on their way.
  __device__ __forceinline__ void drop() { ring_.drop(); }

 private:
  static __device__ __forceinline__ std::uint32_t rows_of(const SelectedPart& part) {
    return __ballot_sync(~0U, part.selection.position >= 0);
  }

  /// As many rows as there is room for.
  __device__ __forceinline__ void feed() {
    while (ring_.has_room()) {
      if (left_ == 0 && !feeds_next_) {
        feeds_next_ = true;
        left_ = rows_of(next_);
      }
      if (left_ == 0) return;
      const int lane = __ffs(static_cast<int>(left_)) - 1;
      left_ &= left_ - 1;
      const std::int32_t mine = feeds_next_ ? next_.selection.position : current_.selection.position;
      const int channel = feeds_next_ ? next_.channel : current_.channel;
      const std::int64_t position = __shfl_sync(~0U, mine, lane);
      ring_.push(x_ + (position * hidden_ + channel) * Ring::kElementBytes, hidden_ - channel);
    }
  }

  Ring ring_;
  const std::byte* x_;
  int hidden_;
  SelectedPart current_;
  SelectedPart next_;
  std::uint32_t left_ = 0;  ///< rows that are not on their way yet, of the task that is fed
  bool feeds_next_ = false;
};

}  // namespace crossdock::kernels
