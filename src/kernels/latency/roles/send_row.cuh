// All threads of a block: one row, straight from registers to every rank that gets it.
#pragma once

#include "base/math.hpp"
#include "device/numeric/convert.cuh"
#include "device/numeric/quantize.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/latency_smem.cuh"

namespace crossdock::kernels {

/// The row as it is. A pass is what the block has in flight together; most rows are one.
class PlainRowSender {
 public:
  __device__ PlainRowSender(const LatencySendArgs& args, LatencySendSmem& /*smem*/)
      : args_(args), vectors_(args.row_bytes / static_cast<int>(sizeof(uint4))) {}

  __device__ int num_passes() const { return base::div_up(vectors_, kPassVectors); }

  __device__ void load(int token, int pass) {
    const auto* row = reinterpret_cast<const uint4*>(args_.x) + static_cast<std::int64_t>(token) * vectors_;
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) {
      values_[i] = device::load_once_if(row + at(pass, i), at(pass, i) < vectors_);
    }
  }

  __device__ void send(int token, int pass, std::uint32_t ranks) const {
    const std::int64_t row = static_cast<std::int64_t>(args_.port.rank) * args_.max_tokens + token;
    for (; ranks != 0; ranks &= ranks - 1) {
      std::byte* const window = args_.port.windows[__ffs(static_cast<int>(ranks)) - 1];
      auto* out = reinterpret_cast<uint4*>(window + args_.area.x) + row * vectors_;
#pragma unroll
      for (int i = 0; i < kSendTogether; ++i) {
        if (at(pass, i) < vectors_) device::store_once(out + at(pass, i), values_[i]);
      }
    }
  }

 private:
  static constexpr int kPassVectors = kSendThreads * kSendTogether;

  static __device__ int at(int pass, int i) {
    return pass * kPassVectors + i * kSendThreads + static_cast<int>(threadIdx.x);
  }

  const LatencySendArgs& args_;
  int vectors_;
  uint4 values_[kSendTogether];
};

/// The row made FP8: a thread has eight channels, 16 threads share a scale.
template <int kElementBytes>
class QuantizedRowSender {
 public:
  __device__ QuantizedRowSender(const LatencySendArgs& args, LatencySendSmem& smem) : args_(args), smem_(smem) {}

  __device__ int num_passes() const { return base::div_up(args_.hidden, kSendChannels); }

  __device__ void load(int token, int pass) {
    const std::byte* row = args_.x + static_cast<std::int64_t>(token) * args_.hidden * kElementBytes;
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) {
      raw_[i] = device::load_eight<device::Read::kOnce, kElementBytes>(row, at(pass, i), args_.hidden);
    }
  }

  __device__ void send(int token, int pass, std::uint32_t ranks) const {
    const std::int64_t row = static_cast<std::int64_t>(args_.port.rank) * args_.max_tokens + token;
    uint2 bytes[kSendTogether];
#pragma unroll
    for (int i = 0; i < kSendTogether; ++i) bytes[i] = quantize(pass, i);
    for (std::uint32_t left = ranks; left != 0; left &= left - 1) {
      std::byte* const out = args_.port.windows[__ffs(static_cast<int>(left)) - 1] + args_.area.x + row * args_.hidden;
#pragma unroll
      for (int i = 0; i < kSendTogether; ++i) {
        if (at(pass, i) < args_.hidden) *reinterpret_cast<uint2*>(out + at(pass, i)) = bytes[i];
      }
    }
    send_scales(row, pass, ranks);
  }

 private:
  static constexpr int kBlocks = kSendChannels / kQuantBlock;

  static __device__ int at(int pass, int i) {
    return pass * kSendChannels + (i * kSendThreads + static_cast<int>(threadIdx.x)) * device::kEight;
  }

  /// The scale goes to shared memory; past the end of the row it is 0.
  __device__ uint2 quantize(int pass, int i) const {
    float values[device::kEight];
    device::widen(raw_[i], args_.x_dtype, values);
    std::uint32_t amax = 0;
#pragma unroll
    for (const float value : values) amax = max(amax, device::finite_magnitude(value));
    constexpr int kLanes = kQuantBlock / device::kEight;
    const device::BlockScale scale = device::block_scale(device::max_of_lanes<kLanes>(amax), args_.quantize);
    if (threadIdx.x % kLanes == 0) {
      const int block = (at(pass, i) - pass * kSendChannels) / kQuantBlock;
      const bool is_row = at(pass, i) < args_.hidden;
      if (args_.quantize == Quantize::kFp8Ue8m0) {
        smem_.exponents[block] = static_cast<std::uint8_t>(is_row ? scale.exponent : 0);
      } else {
        smem_.scales[block] = is_row ? scale.scale : 0.0F;
      }
    }
    return device::e4m3_eight(values, scale.multiplier);
  }

  /// The last threads, which had the fewest channels.
  __device__ void send_scales(std::int64_t row, int pass, std::uint32_t ranks) const {
    __syncthreads();
    const int words = args_.quantize == Quantize::kFp8Ue8m0 ? kBlocks / 4 : kBlocks;
    const int thread = static_cast<int>(threadIdx.x) - (kSendThreads - kBlocks);
    const int word = pass * words + thread;
    if (thread >= 0 && thread < words && word < args_.scale_words) {
      const std::uint32_t value = smem_.scale_words[thread];
      for (; ranks != 0; ranks &= ranks - 1) {
        std::byte* const window = args_.port.windows[__ffs(static_cast<int>(ranks)) - 1];
        reinterpret_cast<std::uint32_t*>(window + args_.area.scales)[row * args_.scale_words + word] = value;
      }
    }
    __syncthreads();
  }

  const LatencySendArgs& args_;
  LatencySendSmem& smem_;
  device::RawEight<kElementBytes> raw_[kSendTogether];
};

}  // namespace crossdock::kernels
