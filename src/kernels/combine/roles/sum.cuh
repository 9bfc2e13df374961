// The sums of one piece of a token, in registers: fp32, added in the order of the calls, rounded once.
#pragma once

#include <cuda_bf16.h>

#include <cstddef>
#include <cstdint>

#include "device/ptx/vector.cuh"
#include "kernels/combine/combine_args.hpp"
#include "kernels/combine/combine_variant.hpp"

namespace crossdock::kernels {

template <int kVectors>
class PieceSum {
 public:
  __device__ __forceinline__ PieceSum() {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
#pragma unroll
      for (int j = 0; j < 8; ++j) sums_[i][j] = 0;
    }
  }

  /// bf16 values of `bytes` at a piece in shared memory.
  __device__ __forceinline__ void add(const std::byte* piece, std::uint32_t bytes) {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      if (at(i) < bytes) add_vector(i, *reinterpret_cast<const uint4*>(piece + at(i)));
    }
  }

  /// The same from a peer's memory, for GPUs without bulk copies.
  __device__ __forceinline__ void add_peer(const std::byte* piece, std::uint32_t bytes) {
    uint4 values[kVectors];
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      if (at(i) < bytes) values[i] = device::load_peer(reinterpret_cast<const uint4*>(piece + at(i)));
    }
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      if (at(i) < bytes) add_vector(i, values[i]);
    }
  }

  /// The same from the own memory, one vector at a time: more registers would spill.
  __device__ __forceinline__ void add_own(const std::byte* piece, std::uint32_t bytes) {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      if (at(i) < bytes) add_vector(i, device::load_once(reinterpret_cast<const uint4*>(piece + at(i))));
    }
  }

  __device__ __forceinline__ void store(std::byte* out, std::uint32_t bytes) const {
#pragma unroll
    for (int i = 0; i < kVectors; ++i) {
      if (at(i) >= bytes) continue;
      uint4 packed;
      packed.x = pack(sums_[i][0], sums_[i][1]);
      packed.y = pack(sums_[i][2], sums_[i][3]);
      packed.z = pack(sums_[i][4], sums_[i][5]);
      packed.w = pack(sums_[i][6], sums_[i][7]);
      device::store_once(reinterpret_cast<uint4*>(out + at(i)), packed);
    }
  }

 private:
  static __device__ __forceinline__ std::uint32_t at(int vector) { return (vector * 32 + threadIdx.x % 32) * 16; }

  static __device__ __forceinline__ std::uint32_t pack(float low, float high) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
  }

  __device__ __forceinline__ void add_pair(int vector, int first, std::uint32_t pair) {
    sums_[vector][first] = __fadd_rn(sums_[vector][first], __uint_as_float(pair << 16));
    sums_[vector][first + 1] = __fadd_rn(sums_[vector][first + 1], __uint_as_float(pair & 0xFFFF'0000U));
  }

  __device__ __forceinline__ void add_vector(int vector, const uint4& values) {
    add_pair(vector, 0, values.x);
    add_pair(vector, 2, values.y);
    add_pair(vector, 4, values.z);
    add_pair(vector, 6, values.w);
  }

  float sums_[kVectors][8];
};

/// bf16 biases of a piece that begins `at` bytes into y.
template <int kVectors>
__device__ __forceinline__ void add_biases(const CombineArgs& args, std::int64_t at, std::uint32_t bytes,
                                           PieceSum<kVectors>& sum) {
  if (args.bias0 != nullptr) sum.add_own(args.bias0 + at, bytes);
  if (args.bias1 != nullptr) sum.add_own(args.bias1 + at, bytes);
}

/// All threads of all blocks: y of a dispatch that left no rows. Not inlined, lest its registers make the pull spill.
template <CombineVariant V>
__device__ __noinline__ void store_biases(const CombineArgs& args) {
  const std::int64_t all = std::int64_t{2} * args.hidden * args.num_tokens;
  const std::int64_t warp = static_cast<std::int64_t>(blockIdx.x) * V.warps + threadIdx.x / 32;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * V.warps * V.piece_bytes;
  for (std::int64_t at = warp * V.piece_bytes; at < all; at += stride) {
    const auto bytes = static_cast<std::uint32_t>(min(all - at, std::int64_t{V.piece_bytes}));
    PieceSum<V.vectors()> sum;
    add_biases(args, at, bytes, sum);
    sum.store(args.y + at, bytes);
  }
}

}  // namespace crossdock::kernels
