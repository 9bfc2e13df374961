// bf16, fp16 and fp32 to and from fp32, to nearest even, as src/core/numeric/convert.hpp has it. A type that is a
// run-time value is equal in all threads; how many bytes it has is known when compiling, because loads depend on it.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"
#include "device/ptx/vector.cuh"

namespace crossdock::device {

/// Values that a thread converts together: one 16-byte vector of a 16-bit type, two of fp32.
inline constexpr int kEight = 8;

/// Eight values as they are stored.
template <int kElementBytes>
struct RawEight {
  static_assert(kElementBytes == 2 || kElementBytes == 4);
  static constexpr int kVectors = kElementBytes / 2;
  uint4 vectors[kVectors];
};

/// Two values of a 16-bit type, the first one in the lower half.
template <DType kType>
__device__ __forceinline__ float2 widen_pair(std::uint32_t bits) {
  if constexpr (kType == DType::kBf16) return {__uint_as_float(bits << 16), __uint_as_float(bits & 0xFFFF'0000U)};
  return __half22float2(*reinterpret_cast<const __half2*>(&bits));
}

__device__ __forceinline__ float2 widen_pair(std::uint32_t bits, DType dtype) {
  return dtype == DType::kBf16 ? widen_pair<DType::kBf16>(bits) : widen_pair<DType::kFp16>(bits);
}

template <DType kType>
__device__ __forceinline__ std::uint32_t narrow_pair(float low, float high) {
  if constexpr (kType == DType::kBf16) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<const std::uint32_t*>(&pair);
  }
  const __half2 pair = __floats2half2_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

template <DType kType>
__device__ __forceinline__ void widen(const RawEight<2>& raw, float (&values)[kEight]) {
  const std::uint32_t words[4] = {raw.vectors[0].x, raw.vectors[0].y, raw.vectors[0].z, raw.vectors[0].w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 pair = widen_pair<kType>(words[i]);
    values[2 * i] = pair.x;
    values[2 * i + 1] = pair.y;
  }
}

template <DType kType>
__device__ __forceinline__ void widen(const RawEight<4>& raw, float (&values)[kEight]) {
  static_assert(kType == DType::kFp32);
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    values[4 * i] = __uint_as_float(raw.vectors[i].x);
    values[4 * i + 1] = __uint_as_float(raw.vectors[i].y);
    values[4 * i + 2] = __uint_as_float(raw.vectors[i].z);
    values[4 * i + 3] = __uint_as_float(raw.vectors[i].w);
  }
}

__device__ __forceinline__ void widen(const RawEight<2>& raw, DType dtype, float (&values)[kEight]) {
  if (dtype == DType::kBf16) {
    widen<DType::kBf16>(raw, values);
  } else {
    widen<DType::kFp16>(raw, values);
  }
}

__device__ __forceinline__ void widen(const RawEight<4>& raw, DType /*kFp32*/, float (&values)[kEight]) {
  widen<DType::kFp32>(raw, values);
}

/// Eight values of bf16 or fp16.
template <DType kType>
__device__ __forceinline__ uint4 narrow_to_16_bits(const float (&values)[kEight]) {
  return {narrow_pair<kType>(values[0], values[1]), narrow_pair<kType>(values[2], values[3]),
          narrow_pair<kType>(values[4], values[5]), narrow_pair<kType>(values[6], values[7])};
}

__device__ __forceinline__ uint4 narrow_to_16_bits(const float (&values)[kEight], DType dtype) {
  return dtype == DType::kBf16 ? narrow_to_16_bits<DType::kBf16>(values) : narrow_to_16_bits<DType::kFp16>(values);
}

__device__ __forceinline__ uint4 four_floats(const float (&values)[kEight], int first) {
  return {__float_as_uint(values[first]), __float_as_uint(values[first + 1]), __float_as_uint(values[first + 2]),
          __float_as_uint(values[first + 3])};
}

/// Eight values as the type has them.
template <DType kType>
__device__ __forceinline__ auto narrow(const float (&values)[kEight]) {
  if constexpr (kType == DType::kFp32) {
    return RawEight<4>{{four_floats(values, 0), four_floats(values, 4)}};
  } else {
    return RawEight<2>{{narrow_to_16_bits<kType>(values)}};
  }
}

/// Rounded to the type and widened again.
__device__ __forceinline__ void round_to(float (&values)[kEight], DType dtype) {
  if (dtype != DType::kFp32) widen(RawEight<2>{{narrow_to_16_bits(values, dtype)}}, dtype, values);
}

/// How a vector is read: load_once for memory that nobody writes meanwhile, load_peer for what another GPU wrote.
enum class Read { kOnce, kPeer };

template <Read kRead>
__device__ __forceinline__ uint4 load_vector_if(const uint4* address, bool wanted) {
  if constexpr (kRead == Read::kOnce) return load_once_if(address, wanted);
  return load_peer_if(address, wanted);
}

/// Values [at, at + 8) of a row of `count` at a 16-byte boundary. `count` is a multiple of 4, of 8 where they are
/// 16-bit values; what is past the end is 0.
template <Read kRead, int kElementBytes>
__device__ __forceinline__ RawEight<kElementBytes> load_eight(const std::byte* row, int at, int count) {
  const auto* vectors = reinterpret_cast<const uint4*>(row + static_cast<std::int64_t>(at) * kElementBytes);
  RawEight<kElementBytes> raw;
#pragma unroll
  for (int i = 0; i < RawEight<kElementBytes>::kVectors; ++i) {
    raw.vectors[i] = load_vector_if<kRead>(vectors + i, at + i * 4 < count);
  }
  return raw;
}

/// The same of a row of any type whose bytes are a multiple of 8: slower, for what is read rarely.
__device__ __forceinline__ void load_any(const std::byte* row, int at, int count, DType dtype,
                                         float (&values)[kEight]) {
  const int bytes = dtype == DType::kFp32 ? 4 : 2;
  const auto* words = reinterpret_cast<const uint2*>(row + static_cast<std::int64_t>(at) * bytes);
#pragma unroll
  for (int i = 0; i < kEight; i += 4) {
    float2 low{};
    float2 high{};
    if (at + i < count && dtype == DType::kFp32) {
      const uint2 first = words[i / 2];
      const uint2 second = words[i / 2 + 1];
      low = {__uint_as_float(first.x), __uint_as_float(first.y)};
      high = {__uint_as_float(second.x), __uint_as_float(second.y)};
    } else if (at + i < count) {
      const uint2 both = words[i / 4];
      low = widen_pair(both.x, dtype);
      high = widen_pair(both.y, dtype);
    }
    values[i] = low.x;
    values[i + 1] = low.y;
    values[i + 2] = high.x;
    values[i + 3] = high.y;
  }
}

/// Rounds eight values and stores those below `count` at [at, at + 8) of a row whose bytes are a multiple of 8; by
/// 16-byte vectors where they are at such boundaries.
__device__ __forceinline__ void store_eight(std::byte* row, int at, int count, DType dtype,
                                            const float (&values)[kEight]) {
  if (dtype == DType::kFp32) {
    auto* vectors = reinterpret_cast<uint4*>(row + static_cast<std::int64_t>(at) * 4);
    if (at < count) store_once(vectors, four_floats(values, 0));
    if (at + 4 < count) store_once(vectors + 1, four_floats(values, 4));
    return;
  }
  const uint4 packed = narrow_to_16_bits(values, dtype);
  std::byte* const target = row + static_cast<std::int64_t>(at) * 2;
  if (at + 8 <= count && reinterpret_cast<std::uintptr_t>(target) % 16 == 0) {
    store_once(reinterpret_cast<uint4*>(target), packed);
    return;
  }
  auto* halves = reinterpret_cast<uint2*>(target);
  if (at < count) halves[0] = {packed.x, packed.y};
  if (at + 4 < count) halves[1] = {packed.z, packed.w};
}

}  // namespace crossdock::device
