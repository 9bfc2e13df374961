#include "core/numeric/fp8.hpp"

#include <bit>

namespace crossdock::core {

float float_from_e4m3(std::uint8_t bits) {
  const std::uint32_t sign = (bits & 0x80U) << 24;
  const std::uint32_t magnitude = bits & 0x7FU;
  if (magnitude == 0x7FU) return std::bit_cast<float>(sign | 0x7FC0'0000U);
  if (magnitude >= 0x08U) return std::bit_cast<float>(sign | ((magnitude << 20) + (120U << 23)));
  const float value = static_cast<float>(magnitude) * 0x1p-9F;  // exact
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

}  // namespace crossdock::core
