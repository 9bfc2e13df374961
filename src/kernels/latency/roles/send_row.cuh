// The workers of a block: one row, straight from registers to every rank that gets it. Warps need nothing of each
// other.
#pragma once

#include "base/math.hpp"
#include "device/numeric/convert.cuh"
#include "device/numeric/warp_scales.cuh"
#include "device/sync/empty.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/signals.cuh"

namespace crossdock::kernels {

/// Vectors of 16 bytes, or eights of channels, that a worker has in flight.
inline constexpr int kSendTogether = 4;

/// Peers first: their bytes take longest.
__device__ __forceinline__ int next_rank(std::uint32_t ranks, int own) {
  const std::uint32_t peers = ranks & ~(1U << own);
  return __ffs(static_cast<int>(peers != 0 ? peers : ranks)) - 1;
}

/// The row as it is. A pass is what the block has in flight together; most rows are one.
class PlainRowSender {
 public:
  __device__ explicit PlainRowSender(const LatencySendArgs& args)
      : args_(args), vectors_(args.row_bytes / static_cast<int>(sizeof(uint4))) {}

  __device__ int num_passes() const { return base::div_up(vectors_, kPassVectors); }

  __device__ void load(int token, int pass) {
    const auto* row = reinterpret_cast<const uint4*>(args_.x) + static_cast<std::int64_t>(token) * vectors_;
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) {
      values_[i] = device::load_once_if(row + at(pass, i), at(pass, i) < vectors_);
    }
  }

  __device__ void prepare(int /*pass*/) {}

  /// Whether a word of the row looks empty.
  __device__ bool send(int token, int pass, std::uint32_t ranks, std::uint64_t tag) const {
    const std::int64_t row = static_cast<std::int64_t>(args_.port.rank) * args_.max_tokens + token;
    while (ranks != 0) {
      const int rank = next_rank(ranks, args_.port.rank);
      ranks &= ~(1U << rank);
      auto* out = reinterpret_cast<uint4*>(area_at(args_.port, rank, args_.area, tag) + args_.area.x) + row * vectors_;
#pragma unroll
      for (int i = 0; i < kSendTogether; ++i) {
        if (at(pass, i) < vectors_) device::store_peer(out + at(pass, i), values_[i]);
      }
    }
    bool looks_empty = false;
#pragma unroll
    for (const uint4& value : values_) looks_empty = looks_empty || device::looks_empty(value);
    return looks_empty;
  }

 private:
  static constexpr int kPassVectors = kWorkers * kSendTogether;

  static __device__ int at(int pass, int i) {
    return pass * kPassVectors + i * kWorkers + static_cast<int>(threadIdx.x);
  }

  const LatencySendArgs& args_;
  int vectors_;
  uint4 values_[kSendTogether];
};

/// The row made FP8: a thread has eights of channels, 16 threads share a scale, a warp has kWarpBlocks scales.
template <int kElementBytes>
class QuantizedRowSender {
 public:
  __device__ explicit QuantizedRowSender(const LatencySendArgs& args) : args_(args) {}

  __device__ int num_passes() const { return base::div_up(args_.hidden, kPassChannels); }

  __device__ void load(int token, int pass) {
    const std::byte* row = args_.x + static_cast<std::int64_t>(token) * args_.hidden * kElementBytes;
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) {
      raw_[i] = device::load_eight<device::Read::kOnce, kElementBytes>(row, at(pass, i), args_.hidden);
    }
  }

  /// What is loaded becomes what is sent.
  __device__ void prepare(int pass) {
    float values[kSendTogether][device::kEight];
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) device::widen(raw_[i], args_.x_dtype, values[i]);
    const device::BlockScale block = device::scale_of_lane(values, args_.quantize);
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) {
      bytes_[i] = device::e4m3_eight(values[i], device::multiplier_of(block, i));
    }
    scale_ = scale_word(block, pass);
  }

  /// Whether a word of the row looks empty; a scale is finite and does not.
  __device__ bool send(int token, int pass, std::uint32_t ranks, std::uint64_t tag) const {
    const std::int64_t row = static_cast<std::int64_t>(args_.port.rank) * args_.max_tokens + token;
    while (ranks != 0) {
      const int rank = next_rank(ranks, args_.port.rank);
      ranks &= ~(1U << rank);
      std::byte* const area = area_at(args_.port, rank, args_.area, tag);
      std::byte* const out = area + args_.area.x + row * args_.hidden;
#pragma unroll
      for (int i = 0; i < kSendTogether; ++i) {
        if (at(pass, i) < args_.hidden) device::store_peer(reinterpret_cast<uint2*>(out + at(pass, i)), bytes_[i]);
      }
      auto* words = reinterpret_cast<std::uint32_t*>(area + args_.area.scales) + row * args_.scale_words;
      if (scale_.at < args_.scale_words) device::store_peer(words + scale_.at, scale_.value);
    }
    bool looks_empty = false;
#pragma unroll
    for (const uint2 word : bytes_) looks_empty = looks_empty || device::looks_empty(word);
    return looks_empty;
  }

 private:
  static constexpr int kWarpChannels = 32 * device::kEight * kSendTogether;
  static constexpr int kPassChannels = kWarpChannels * kWorkerWarps;
  static constexpr int kWarpBlocks = kWarpChannels / kQuantBlock;
  static_assert(kWarpBlocks == 2 * kSendTogether && kWarpBlocks % 4 == 0);

  struct ScaleWord {
    int at;  ///< in the row; past its end in lanes that have none
    std::uint32_t value;
  };

  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  static __device__ int first_of_warp(int pass) {
    return pass * kPassChannels + static_cast<int>(threadIdx.x / 32) * kWarpChannels;
  }
  static __device__ int at(int pass, int i) { return first_of_warp(pass) + (i * 32 + lane()) * device::kEight; }

  /// A lane a block; of ue8m0 four blocks in a word. Blocks past the end of the row have none.
  __device__ ScaleWord scale_word(const device::BlockScale& block, int pass) const {
    const int first = first_of_warp(pass) / kQuantBlock;
    if (args_.quantize != Quantize::kFp8Ue8m0) {
      return {lane() < kWarpBlocks ? first + lane() : args_.scale_words, __float_as_uint(block.scale)};
    }
    const std::uint32_t exponent = (first + lane()) * kQuantBlock < args_.hidden ? block.exponent : 0;
    std::uint32_t word = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) word |= __shfl_sync(~0U, exponent, (lane() * 4 + i) % 32) << (8 * i);
    return {lane() < kWarpBlocks / 4 ? first / 4 + lane() : args_.scale_words, word};
  }

  const LatencySendArgs& args_;
  device::RawEight<kElementBytes> raw_[kSendTogether];
  uint2 bytes_[kSendTogether];
  ScaleWord scale_;
};

}  // namespace crossdock::kernels
