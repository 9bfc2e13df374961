// Number formats to and from fp32, rounding to nearest even, by integer arithmetic: the same bits everywhere.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"

namespace crossdock::core {

inline float float_from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
/// NaN gives a quiet NaN of the same sign; overflow gives infinity.
inline std::uint16_t bf16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const bool is_nan = (bits & 0x7FFF'FFFFU) > 0x7F80'0000U;
  const std::uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
  return static_cast<std::uint16_t>(is_nan ? (bits >> 16) | 0x40U : rounded >> 16);
}

float float_from_fp16(std::uint16_t bits);
/// Subnormals are kept; overflow gives infinity; NaN a quiet NaN.
std::uint16_t fp16_from_float(float value);

/// Element `index` of memory of type bf16, fp16, fp32 or fp8, widened.
float load_element(const void* data, DType dtype, std::size_t index);
/// Rounded once to bf16, fp16, fp32 or fp8.
void store_element(void* data, DType dtype, std::size_t index, float value);
/// value rounded to the type and widened again.
float round_to(DType dtype, float value);

/// The first `count` elements; the type is looked at once.
void load_row(const void* data, DType dtype, std::size_t count, float* values);
void store_row(void* data, DType dtype, std::size_t count, const float* values);

}  // namespace crossdock::core
