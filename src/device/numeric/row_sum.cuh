// A warp's sum of some rows, in registers: fp32, added in the order of the rows, rounded when it is stored.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/numeric/convert.cuh"
#include "device/port/row_flags.hpp"

namespace crossdock::device {

/// A warp adds kSumChannels together.
template <DType kType>
class RowSum {
 public:
  static constexpr int kElementBytes = kType == DType::kFp32 ? 4 : 2;
  static constexpr int kEights = kSumChannels / (32 * kEight);  ///< of a lane
  static constexpr int kPerEight = RawEight<kElementBytes>::kVectors;
  /// The channels in shared memory, as kType: vectors of 16 bytes, the lanes' side by side.
  using Kept = uint4[kEights * kPerEight][32];

  /// Channels [first, first + kSumChannels) of rows of `hidden`.
  __device__ __forceinline__ RowSum(int first, int hidden)
      : first_(first + static_cast<int>(threadIdx.x % 32) * kEight), hidden_(hidden) {
#pragma unroll
    for (auto& values : values_) {
#pragma unroll
      for (float& value : values) value = 0;
    }
  }

  /// Adds rows that peers have written, those of the lanes in `lanes`, ascending: each lane holds one row's address.
  __device__ __forceinline__ void add_peers(std::uint32_t lanes, const std::byte* row) {
    while (lanes != 0) {
      RawEight<kElementBytes> raw[kTogether][kEights];
      int count = 0;
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        const bool is_row = lanes != 0;
        const int lane = is_row ? __ffs(static_cast<int>(lanes)) - 1 : 0;
        lanes &= lanes - 1;
        count += is_row ? 1 : 0;
        const auto address = __shfl_sync(~0U, reinterpret_cast<std::uintptr_t>(row), lane);
        load(reinterpret_cast<const std::byte*>(address), is_row ? hidden_ : 0, raw[i]);
      }
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        if (i < count) add_row<false>(raw[i], 1.0F);
      }
    }
  }

  __device__ __forceinline__ void add_weighted(const RawEight<kElementBytes> (&raw)[kEights], float weight) {
    add_row<true>(raw, weight);
  }

  /// Adds one row of a type of its own, slowly.
  __device__ __forceinline__ void add_any(const std::byte* row, DType dtype) {
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
      float addends[kEight];
      load_any(row, at(i), hidden_, dtype, addends);
#pragma unroll
      for (int j = 0; j < kEight; ++j) values_[i][j] = __fadd_rn(values_[i][j], addends[j]);
    }
  }

  __device__ __forceinline__ void keep(Kept& kept) const {
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
      const RawEight<kElementBytes> raw = narrow<kType>(values_[i]);
#pragma unroll
      for (int j = 0; j < kPerEight; ++j) kept[i * kPerEight + j][threadIdx.x % 32] = raw.vectors[j];
    }
  }

  /// What the same lane kept.
  __device__ __forceinline__ void add_kept(const Kept& kept) {
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
      RawEight<kElementBytes> raw;
#pragma unroll
      for (int j = 0; j < kPerEight; ++j) raw.vectors[j] = kept[i * kPerEight + j][threadIdx.x % 32];
      add_eight<false>(raw, 1.0F, values_[i]);
    }
  }

  __device__ __forceinline__ void round_to(DType dtype) {
#pragma unroll
    for (auto& values : values_) device::round_to(values, dtype);
  }

  __device__ __forceinline__ void store(std::byte* row, DType dtype) const {
#pragma unroll
    for (int i = 0; i < kEights; ++i) store_eight(row, at(i), hidden_, dtype, values_[i]);
  }

 private:
  static constexpr int kTogether = 6 / kElementBytes;  ///< rows whose loads are in flight

  __device__ __forceinline__ int at(int eight) const { return first_ + eight * 32 * kEight; }

  __device__ __forceinline__ void load(const std::byte* row, int count, RawEight<kElementBytes> (&raw)[kEights]) const {
#pragma unroll
    for (int i = 0; i < kEights; ++i) raw[i] = load_eight<Read::kPeer, kElementBytes>(row, at(i), count);
  }

  template <bool kWeighted>
  __device__ __forceinline__ void add_row(const RawEight<kElementBytes> (&raw)[kEights], float weight) {
#pragma unroll
    for (int i = 0; i < kEights; ++i) add_eight<kWeighted>(raw[i], weight, values_[i]);
  }

  template <bool kWeighted>
  static __device__ __forceinline__ void add_eight(const RawEight<kElementBytes>& raw, float weight,
                                                   float (&values)[kEight]) {
    float addends[kEight];
    widen<kType>(raw, addends);
#pragma unroll
    for (int j = 0; j < kEight; ++j) {
      const float addend = kWeighted ? __fmul_rn(weight, addends[j]) : addends[j];
      values[j] = __fadd_rn(values[j], addend);
    }
  }

  int first_;
  int hidden_;
  float values_[kEights][kEight];
};

}  // namespace crossdock::device
