// Element types as fp32, for simulated experts and for comparing NaNs.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "crossdock/types.hpp"

namespace crossdock::tools {

inline float float_from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// To nearest even. The value is not NaN.
inline std::uint16_t bf16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

float float_from_fp16(std::uint16_t bits);
/// To nearest even; overflow gives infinity. The value is not NaN.
std::uint16_t fp16_from_float(float value);

/// The 256 values of e4m3fn.
const float* e4m3_table();

/// Element `index` of memory of a floating type.
float widen(DType dtype, const void* data, std::size_t index);
/// False for integers.
bool is_nan(DType dtype, const void* data, std::size_t index);

}  // namespace crossdock::tools
