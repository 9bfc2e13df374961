// Reading what an FP8 dispatch delivers.
#pragma once

#include <crossdock/tensor.hpp>
#include <cstdint>

#include "config.hpp"

namespace moe_layer {

/// Rows [begin, begin + rows of `out`) of x (e4m3 [n, H], dense) times their scales (fp32 [n, H / 128]).
void dequantise(const crossdock::ConstTensorView& x, const crossdock::ConstTensorView& scales, std::int64_t begin,
                Rows out);

}  // namespace moe_layer
