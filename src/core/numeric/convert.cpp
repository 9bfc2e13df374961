#include "core/numeric/convert.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "core/numeric/fp8.hpp"

namespace crossdock::core {
namespace {

constexpr std::uint32_t kInfinity = 0x7F80'0000U;
constexpr std::uint32_t kTwoToThe16 = 0x4780'0000U;
constexpr std::uint32_t kTwoToTheMinus14 = 0x3880'0000U;  // smallest normal fp16

/// value / 2^shift, to nearest even.
constexpr std::uint32_t round_shift(std::uint32_t value, std::uint32_t shift) {
  const std::uint32_t odd = (value >> shift) & 1U;
  return (value + (1U << (shift - 1)) - 1U + odd) >> shift;
}

/// Calls `visit` with (stored type, widen, narrow) of a floating-point type.
template <typename Visit>
void with_format(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::kBf16:
      return visit(
          std::uint16_t{}, [](std::uint16_t bits) { return float_from_bf16(bits); },
          [](float value) { return bf16_from_float(value); });
    case DType::kFp16:
      return visit(std::uint16_t{}, float_from_fp16, fp16_from_float);
    case DType::kFp32:
      return visit(float{}, [](float value) { return value; }, [](float value) { return value; });
    case DType::kFp8E4m3:
      return visit(std::uint8_t{}, float_from_e4m3, [](float value) { return e4m3_from_float(value); });
    case DType::kInt32:
    case DType::kInt64:
      break;
  }
  CROSSDOCK_ASSERT(!"a floating-point type");
}

}  // namespace

float float_from_fp16(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t magnitude = bits & 0x7FFFU;
  if (magnitude >= 0x7C00U) return std::bit_cast<float>(sign | kInfinity | ((magnitude & 0x3FFU) << 13));
  if (magnitude >= 0x0400U) return std::bit_cast<float>(sign | ((magnitude << 13) + (112U << 23)));
  const float value = static_cast<float>(magnitude) * 0x1p-24F;  // exact
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

std::uint16_t fp16_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFF'FFFFU;
  std::uint32_t narrow = 0x7C00U;
  if (magnitude > kInfinity) {
    narrow = 0x7E00U;
  } else if (magnitude < kTwoToTheMinus14) {
    // fp32 is mantissa * 2^(exponent - 150), the smallest subnormal 2^-24. Below half of that (shift > 24) it is 0. The
    // carry out of the largest subnormal is the smallest normal number.
    const std::uint32_t shift = 126U - (magnitude >> 23);
    narrow = shift > 24U ? 0U : round_shift((magnitude & 0x7F'FFFFU) | 0x80'0000U, shift);
  } else if (magnitude < kTwoToThe16) {
    narrow = round_shift(magnitude - (112U << 23), 13);  // [65520, 65536) carries into infinity
  }
  return static_cast<std::uint16_t>(sign | narrow);
}

void load_row(const void* data, DType dtype, std::size_t count, float* values) {
  with_format(dtype, [=](auto stored, auto widen, auto) {
    const auto* elements = static_cast<const decltype(stored)*>(data);
    std::transform(elements, elements + count, values, widen);
  });
}

void store_row(void* data, DType dtype, std::size_t count, const float* values) {
  with_format(dtype, [=](auto stored, auto, auto narrow) {
    std::transform(values, values + count, static_cast<decltype(stored)*>(data), narrow);
  });
}

float load_element(const void* data, DType dtype, std::size_t index) {
  float value = 0;
  load_row(static_cast<const std::byte*>(data) + index * size_of(dtype), dtype, 1, &value);
  return value;
}

void store_element(void* data, DType dtype, std::size_t index, float value) {
  store_row(static_cast<std::byte*>(data) + index * size_of(dtype), dtype, 1, &value);
}

float round_to(DType dtype, float value) {
  float stored = 0;  // as large as any type
  store_element(&stored, dtype, 0, value);
  return load_element(&stored, dtype, 0);
}

}  // namespace crossdock::core
