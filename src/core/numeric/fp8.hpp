// e4m3fn: 1 sign, 4 exponent (bias 7), 3 mantissa bits; no infinity; S.1111.111 is NaN; largest value 448.
#pragma once

#include <cstdint>

namespace crossdock::core {

inline constexpr float kE4m3Max = 448.0F;

float float_from_e4m3(std::uint8_t bits);
/// Nearest even; finite overflow and infinity saturate to +-448; NaN gives S.1111.111.
std::uint8_t e4m3_from_float(float value);

}  // namespace crossdock::core
