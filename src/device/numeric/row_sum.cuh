// A warp's sum of some rows, in registers: fp32, added in the order of the rows, rounded when it is stored.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/numeric/convert.cuh"
#include "device/port/latency_area.hpp"
#include "device/sync/empty.cuh"

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

  /// What a lane has of one row.
  using Raw = RawEight<kElementBytes>[kEights];

  /// Of a row in an area that a peer writes: what has come.
  __device__ __forceinline__ void load_arriving(const std::byte* row, Raw& raw) const {
#pragma unroll
    for (int i = 0; i < kEights; ++i) raw[i] = load_eight<Read::kPeer, kElementBytes>(row, at(i), hidden_);
  }

  static __device__ __forceinline__ bool looks_empty(const Raw& raw) {
    bool result = false;
#pragma unroll
    for (const auto& eight : raw) {
#pragma unroll
      for (const uint4& vector : eight.vectors) result = result || device::looks_empty(vector);
    }
    return result;
  }

  /// The same words of the area, once they have been read.
  __device__ __forceinline__ void make_empty(std::byte* row) const {
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
#pragma unroll
      for (int j = 0; j < kPerEight; ++j) {
        if (at(i) + j * 4 < hidden_) device::make_empty(vectors_at(row, i, kElementBytes) + j);
      }
    }
  }

  __device__ __forceinline__ void add(const Raw& raw) { add_row<false>(raw, 1.0F); }

  __device__ __forceinline__ void add_weighted(const Raw& raw, float weight) { add_row<true>(raw, weight); }

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

  /// The same to an area of a peer, whose rows are multiples of 16 bytes. Whether a word looks empty.
  __device__ __forceinline__ bool send(std::byte* row, DType dtype) const {
    bool looks_empty = false;
    const auto send_vector = [&](uint4* to, const uint4& vector) {
      store_peer(to, vector);
      looks_empty = looks_empty || device::looks_empty(vector);
    };
#pragma unroll
    for (int i = 0; i < kEights; ++i) {
      if (dtype != DType::kFp32) {
        if (at(i) < hidden_) send_vector(vectors_at(row, i, 2), narrow_to_16_bits(values_[i], dtype));
        continue;
      }
      if (at(i) < hidden_) send_vector(vectors_at(row, i, 4), four_floats(values_[i], 0));
      if (at(i) + 4 < hidden_) send_vector(vectors_at(row, i, 4) + 1, four_floats(values_[i], 4));
    }
    return looks_empty;
  }

 private:
  __device__ __forceinline__ int at(int eight) const { return first_ + eight * 32 * kEight; }

  __device__ __forceinline__ uint4* vectors_at(std::byte* row, int eight, int element_bytes) const {
    return reinterpret_cast<uint4*>(row + static_cast<std::int64_t>(at(eight)) * element_bytes);
  }

  template <bool kWeighted>
  __device__ __forceinline__ void add_row(const Raw& raw, float weight) {
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
