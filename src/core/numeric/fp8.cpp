#include "core/numeric/fp8.hpp"

#include <bit>

#include "core/numeric/round_shift.hpp"

namespace crossdock::core {
namespace {

constexpr std::uint32_t kInfinity = 0x7F80'0000U;
constexpr std::uint32_t kTwoToTheMinus6 = 0x3C80'0000U;  // smallest normal e4m3

}  // namespace

float float_from_e4m3(std::uint8_t bits) {
  const std::uint32_t sign = (bits & 0x80U) << 24;
  const std::uint32_t magnitude = bits & 0x7FU;
  if (magnitude == 0x7FU) return std::bit_cast<float>(sign | 0x7FC0'0000U);
  if (magnitude >= 0x08U) return std::bit_cast<float>(sign | ((magnitude << 20) + (120U << 23)));
  const float value = static_cast<float>(magnitude) * 0x1p-9F;  // exact
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

std::uint8_t e4m3_from_float(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 24) & 0x80U;
  const std::uint32_t magnitude = bits & 0x7FFF'FFFFU;
  std::uint32_t narrow = 0x7EU;
  if (magnitude > kInfinity) {
    narrow = 0x7FU;
  } else if (magnitude < kTwoToTheMinus6) {
    narrow = round_subnormal(magnitude, 9);
  } else if (magnitude < std::bit_cast<std::uint32_t>(kE4m3Max)) {
    narrow = round_shift(magnitude - (120U << 23), 20);
  }
  return static_cast<std::uint8_t>(sign | narrow);
}

}  // namespace crossdock::core
