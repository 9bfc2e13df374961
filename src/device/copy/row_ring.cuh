// Parts of rows on their way to a warp, in order, through shared memory. Each lane brings and takes its own vectors of
// every part, so lanes need not wait for one another, and what is on its way takes no registers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/numeric/row_sum.cuh"
#include "device/ptx/async_copy.cuh"

namespace crossdock::device {

template <DType kType>
class RowRing {
 public:
  using Sum = RowSum<kType>;
  static constexpr int kElementBytes = Sum::kElementBytes;
  static constexpr int kEights = Sum::kEights;
  static constexpr int kPerEight = Sum::kPerEight;
  /// Seven or six KiB a warp: three blocks of latency mode have to fit an SM.
  static constexpr int kParts = kElementBytes == 2 ? 7 : 3;
  using Part = typename Sum::Kept;
  using Smem = Part[kParts];

  __device__ __forceinline__ explicit RowRing(Smem& smem) : smem_(smem) {}

  __device__ __forceinline__ bool has_room() const { return count_ < kParts; }

  /// `part`: its first channel; `channels`: from there to the end of the row. Where there is room.
  __device__ __forceinline__ void push(const std::byte* part, int channels) {
    Part& slot = smem_[(first_ + count_) % kParts];
#pragma unroll
    for (int i = 0; i < kEights * kPerEight; ++i) {
      const int channel = (i / kPerEight * 32 + lane()) * kEight + i % kPerEight * 4;
      async_copy(&slot[i][lane()], part + channel * kElementBytes, channel < channels);
    }
    async_commit();
    ++count_;
  }

  /// The oldest part. Channels past the end of the row are 0.
  __device__ __forceinline__ void pop(RawEight<kElementBytes> (&raw)[kEights]) {
    wait_for_all_but(count_ - 1);
    const Part& slot = smem_[first_];
#pragma unroll
    for (int i = 0; i < kEights * kPerEight; ++i) raw[i / kPerEight].vectors[i % kPerEight] = slot[i][lane()];
    first_ = (first_ + 1) % kParts;
    --count_;
  }

  /// Nobody wants the others.
  __device__ __forceinline__ void drop() {
    async_wait<0>();
    count_ = 0;
  }

 private:
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x % 32); }

  /// The number has to be known when compiling.
  static __device__ __forceinline__ void wait_for_all_but(int younger) {
    switch (younger) {
      case 6:
        return async_wait<6>();
      case 5:
        return async_wait<5>();
      case 4:
        return async_wait<4>();
      case 3:
        return async_wait<3>();
      case 2:
        return async_wait<2>();
      case 1:
        return async_wait<1>();
      default:
        return async_wait<0>();
    }
  }
  static_assert(kParts <= 7);

  Smem& smem_;
  int first_ = 0;
  int count_ = 0;
};

}  // namespace crossdock::device
