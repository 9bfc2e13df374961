#include "numbers.hpp"

#include <array>
#include <cmath>
#include <limits>

namespace crossdock::tools {
namespace {

template <typename Word>
Word word_at(const void* data, std::size_t index) {
  return static_cast<const Word*>(data)[index];
}

float make_e4m3(int bits) {
  const int exponent = (bits >> 3) & 15;
  const int mantissa = bits & 7;
  if (exponent == 15 && mantissa == 7) return std::numeric_limits<float>::quiet_NaN();
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                   : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (bits & 0x80) != 0 ? -size : size;
}

std::array<float, 256> make_e4m3_table() {
  std::array<float, 256> table{};
  for (int bits = 0; bits < 256; ++bits) table[static_cast<std::size_t>(bits)] = make_e4m3(bits);
  return table;
}

}  // namespace

float float_from_fp16(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 1023;
  float size = 0;
  if (exponent == 31) {
    size = mantissa != 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    size = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    size = std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -size : size;
}

std::uint16_t fp16_from_float(float value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const float size = std::fabs(value);
  if (size >= 65520.0F) return static_cast<std::uint16_t>(sign | 0x7C00);
  int exponent = 0;
  std::frexp(size, &exponent);
  const int unit = size < 0x1p-14F ? -24 : exponent - 11;  // exponent of the last mantissa bit
  const auto steps = static_cast<int>(std::nearbyint(std::ldexp(size, -unit)));
  // 1024 to 2048 steps a binade, so a carry out of the mantissa raises the exponent by itself
  const int magnitude = unit == -24 ? steps : ((unit + 24) << 10) + steps;
  return static_cast<std::uint16_t>(sign | magnitude);
}

const float* e4m3_table() {
  static const std::array<float, 256> table = make_e4m3_table();
  return table.data();
}

float widen(DType dtype, const void* data, std::size_t index) {
  switch (dtype) {
    case DType::kBf16:
      return float_from_bf16(word_at<std::uint16_t>(data, index));
    case DType::kFp16:
      return float_from_fp16(word_at<std::uint16_t>(data, index));
    case DType::kFp32:
      return word_at<float>(data, index);
    case DType::kFp8E4m3:
      return e4m3_table()[word_at<std::uint8_t>(data, index)];
    case DType::kInt32:
    case DType::kInt64:
      break;
  }
  return 0;
}

bool is_nan(DType dtype, const void* data, std::size_t index) { return std::isnan(widen(dtype, data, index)); }

}  // namespace crossdock::tools
