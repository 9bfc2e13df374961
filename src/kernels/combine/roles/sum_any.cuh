// A warp adds a piece of a token at a time.
#pragma once

#include "base/math.hpp"
#include "device/numeric/convert.cuh"
#include "kernels/combine/roles/contributions.cuh"

namespace crossdock::kernels {

/// fp32 sums of a piece, kVectors times eight neighbours a lane; each row's loads are in flight together.
template <int kElementBytes>
class AnySum {
 public:
  static constexpr int kVectors = 4;
  static constexpr int kElements = kVectors * 32 * device::kEight;

  __device__ AnySum(const CombineArgs& args, int piece)
      : args_(args), first_(piece * kElements + static_cast<int>(threadIdx.x % 32) * device::kEight) {}

  __device__ void add(const Contributions::Row& row) {
    device::RawEight<kElementBytes> raw[kVectors];
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      raw[i] = device::load_eight<device::Read::kPeer, kElementBytes>(row.bytes, at(i), args_.hidden);
    }
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      float values[device::kEight];
      device::widen(raw[i], args_.row_dtype, values);
      if (args_.wire_dtype != args_.row_dtype) device::round_to(values, args_.wire_dtype);
      add_values(i, values, row.weight);
    }
  }

  /// The node's sum crosses as a row does, and is added to nothing.
  __device__ void round_node_sum() {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      device::round_to(sums_[i], args_.wire_dtype);
#pragma unroll
      for (float& sum : sums_[i]) sum = __fadd_rn(0.0F, sum);
    }
  }

  __device__ void add_bias(const std::byte* bias, DType dtype, int token) {
    const std::byte* row = bias + token * row_bytes(dtype);
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      float values[device::kEight];
      device::load_any(row, at(i), args_.hidden, dtype, values);
#pragma unroll
      for (int j = 0; j < device::kEight; ++j) sums_[i][j] = __fadd_rn(sums_[i][j], values[j]);
    }
  }

  __device__ void store(int token) const {
    std::byte* row = args_.y + token * row_bytes(args_.out_dtype);
#pragma unroll
    for (int i = 0; i < kVectors; ++i) device::store_eight(row, at(i), args_.hidden, args_.out_dtype, sums_[i]);
  }

 private:
  __device__ int at(int vector) const { return first_ + vector * 32 * device::kEight; }
  __device__ std::int64_t row_bytes(DType dtype) const {
    return static_cast<std::int64_t>(args_.hidden) * (dtype == DType::kFp32 ? 4 : 2);
  }

  __device__ void add_values(int vector, const float (&values)[device::kEight], float weight) {
    const bool weighted = args_.per_selection && args_.weights != nullptr;
#pragma unroll
    for (int j = 0; j < device::kEight; ++j) {
      const float value = weighted ? __fmul_rn(weight, values[j]) : values[j];
      sums_[vector][j] = __fadd_rn(sums_[vector][j], value);
    }
  }

  const CombineArgs& args_;
  int first_;
  float sums_[kVectors][device::kEight] = {};
};

template <int kElementBytes>
__device__ __forceinline__ void sum_any(const CombineArgs& args, const CombineEntry& entry) {
  using Sum = AnySum<kElementBytes>;
  const int pieces = base::div_up(args.hidden, Sum::kElements);
  const std::int64_t count = static_cast<std::int64_t>(args.num_tokens) * pieces;
  const std::int64_t warps = static_cast<std::int64_t>(gridDim.x) * blockDim.x / 32;
  for (std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32; at < count;
       at += warps) {
    const int token = static_cast<int>(at / pieces);
    Sum sum(args, static_cast<int>(at % pieces));
    Contributions contributions(args, entry, token);
    for (auto row = contributions.next(); row.bytes != nullptr; row = contributions.next()) sum.add(row);
    if (args.round_node_sum) sum.round_node_sum();
    if (args.bias0 != nullptr) sum.add_bias(args.bias0, args.bias0_dtype, token);
    if (args.bias1 != nullptr) sum.add_bias(args.bias1, args.bias1_dtype, token);
    sum.store(token);
  }
}

}  // namespace crossdock::kernels
