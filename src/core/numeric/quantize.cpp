#include "core/numeric/quantize.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/math.hpp"
#include "core/numeric/convert.hpp"
#include "core/numeric/fp8.hpp"

namespace crossdock::core {
namespace {

static_assert(std::endian::native == std::endian::little, "ue8m0: byte i % 4 of word i / 4 is byte i of the row");

constexpr std::int32_t kInfinity = 0x7F80'0000;
constexpr std::size_t kBlock = kQuantBlock;

/// Magnitudes order like their bits, so the search is one of integers.
float finite_amax(std::span<const float> values) {
  std::int32_t largest = 0;
  for (const float value : values) {
    const std::int32_t magnitude = std::bit_cast<std::int32_t>(value) & 0x7FFF'FFFF;
    const std::int32_t finite = magnitude < kInfinity ? magnitude : 0;
    largest = largest > finite ? largest : finite;
  }
  return std::bit_cast<float>(largest);
}

void store_scale(const BlockScale& block, Quantize quantize, std::size_t index, void* scales) {
  if (quantize == Quantize::kFp8Ue8m0) {
    static_cast<std::uint8_t*>(scales)[index] = block.exponent;
  } else {
    static_cast<float*>(scales)[index] = block.scale;
  }
}

}  // namespace

BlockScale block_scale(float amax, Quantize quantize) {
  const float a = std::max(amax, kSmallestAmax);
  const float scale = a / kE4m3Max;
  if (quantize == Quantize::kFp8) return {.multiplier = kE4m3Max / a, .scale = scale};
  const auto bits = std::bit_cast<std::uint32_t>(scale);
  const std::uint32_t exponent = (bits >> 23) + ((bits & 0x7F'FFFFU) != 0 ? 1U : 0U);
  return {.multiplier = std::bit_cast<float>((254U - exponent) << 23),
          .scale = std::bit_cast<float>(exponent << 23),
          .exponent = static_cast<std::uint8_t>(exponent)};
}

float finite_amax(const void* row, DType dtype, std::size_t begin, std::size_t count) {
  const auto* at = static_cast<const std::byte*>(row) + begin * size_of(dtype);
  std::array<float, kBlock> values{};
  float largest = 0;
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t step = std::min(kBlock, count - done);
    load_row(at + done * size_of(dtype), dtype, step, values.data());
    largest = std::max(largest, finite_amax(std::span(values).first(step)));
  }
  return largest;
}

int scale_words(int hidden, Quantize quantize) {
  if (quantize == Quantize::kNone) return 0;
  const int blocks = hidden / kQuantBlock;
  return quantize == Quantize::kFp8Ue8m0 ? base::div_up(blocks, 4) : blocks;
}

DType scale_dtype(Quantize quantize) { return quantize == Quantize::kFp8Ue8m0 ? DType::kInt32 : DType::kFp32; }

void quantize_row(const void* row, DType dtype, int hidden, Quantize quantize, std::uint8_t* out, void* scales) {
  std::memset(scales, 0, 4 * static_cast<std::size_t>(scale_words(hidden, quantize)));
  const auto* at = static_cast<const std::byte*>(row);
  std::array<float, kBlock> values{};
  for (std::size_t index = 0; index < static_cast<std::size_t>(hidden) / kBlock; ++index) {
    load_row(at + index * kBlock * size_of(dtype), dtype, kBlock, values.data());
    const BlockScale block = block_scale(finite_amax(values), quantize);
    store_scale(block, quantize, index, scales);
    std::uint8_t* to = out + index * kBlock;
    for (std::size_t i = 0; i < kBlock; ++i) to[i] = e4m3_from_float(values[i] * block.multiplier);
  }
}

}  // namespace crossdock::core
