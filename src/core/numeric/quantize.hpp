// Block scales of FP8 (docs/design/semantics.md, "Arithmetic").
#pragma once

#include <cstdint>
#include <span>

#include "crossdock/types.hpp"

namespace crossdock::core {

/// A block's largest magnitude counts as at least this.
inline constexpr float kSmallestAmax = 1e-4F;

/// What one block of kQuantBlock channels is multiplied by, and what is stored beside it.
struct BlockScale {
  float multiplier = 0;       ///< q = e4m3(x * multiplier): 448 / a, or 2^-e
  float scale = 0;            ///< a / 448, or 2^e
  std::uint8_t exponent = 0;  ///< ue8m0: e + 127
};

/// From the largest magnitude over the finite values of the block (0 where there is none).
/// kFp8: a = max(amax, 1e-4), scale = a / 448 in fp32, multiplier = 448 / a in fp32. The two others: 2^e is the power
/// of two that is not below a / 448, found from exponent bits. amax is finite, so a is of [1e-4, FLT_MAX] and nothing
/// overflows or turns subnormal: scale and multiplier are normal numbers, exponent is of [105, 247].
BlockScale block_scale(float amax, Quantize quantize);

/// Largest magnitude over the finite values.
float finite_amax(const void* row, DType dtype, std::size_t begin, std::size_t count);

/// Scale words (4 bytes each) of a row of `hidden` channels: hidden / 128 fp32, or a quarter of it, rounded up, int32.
int scale_words(int hidden, Quantize quantize);
/// Type of a scale word.
DType scale_dtype(Quantize quantize);

/// One row: `hidden` values of dtype bf16, fp16 or fp32 -> e4m3 bytes and scale words (row-major, unused ue8m0 bytes
/// zero). hidden is a multiple of kQuantBlock.
void quantize_row(const void* row, DType dtype, int hidden, Quantize quantize, std::uint8_t* out, void* scales);

}  // namespace crossdock::core
