// The same layer without any group: what the ranks' results are compared with.
#pragma once

#include <vector>

#include "config.hpp"
#include "router.hpp"

namespace moe_layer {

/// All experts, one after the other, over the tokens that chose them.
std::vector<float> run_in_one_process(const LayerConfig& config, ConstRows x, const Routing& routing);

/// x as it looks after an FP8 dispatch: rounded to e4m3 with one scale a block.
std::vector<float> rounded_to_fp8(const LayerConfig& config, ConstRows x, const Routing& routing);

/// |value - expected| / |expected|, of whole vectors.
double relative_error(ConstRows value, ConstRows expected);

}  // namespace moe_layer
