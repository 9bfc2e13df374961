#include "fp8.hpp"

#include <array>
#include <cmath>
#include <crossdock/types.hpp>
#include <limits>

namespace moe_layer {
namespace {

/// The 256 values of e4m3: 1 sign, 4 exponent (bias 7) and 3 mantissa bits, no infinity.
std::array<float, 256> make_e4m3_values() {
  std::array<float, 256> values{};
  for (int bits = 0; bits < 256; ++bits) {
    const int exponent = (bits >> 3) & 15;
    const int mantissa = bits & 7;
    float value = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    if ((bits & 127) == 127) value = std::numeric_limits<float>::quiet_NaN();
    values[static_cast<std::size_t>(bits)] = (bits & 128) != 0 ? -value : value;
  }
  return values;
}

}  // namespace

void dequantise(const crossdock::ConstTensorView& x, const crossdock::ConstTensorView& scales, std::int64_t begin,
                Rows out) {
  static const std::array<float, 256> kValues = make_e4m3_values();
  const std::int64_t hidden = x.shape[1];
  const std::int64_t num_blocks = hidden / crossdock::kQuantBlock;
  const auto* bytes = static_cast<const std::uint8_t*>(x.data) + begin * hidden;
  const auto* scale = static_cast<const float*>(scales.data) + begin * num_blocks;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = kValues[bytes[i]] * scale[i / crossdock::kQuantBlock];
}

}  // namespace moe_layer
