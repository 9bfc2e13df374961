// The shape of the layer.
#pragma once

#include <cstddef>
#include <span>

namespace moe_layer {

struct LayerConfig {
  int num_experts = 32;
  int top_k = 4;
  int num_groups = 4;  ///< of experts; a token chooses from top_groups of them
  int top_groups = 2;
  int hidden = 1024;       ///< a multiple of 128: the block that shares an FP8 scale
  int intermediate = 512;  ///< between an expert's matrices
};

/// How tokens travel. kFp32: as they are, both ways. kFp8: quantised inside dispatch, and BF16 on the way back, which
/// is how large models are served.
enum class Precision { kFp32, kFp8 };

/// Rows of `hidden` floats, one behind the other.
using Rows = std::span<float>;
using ConstRows = std::span<const float>;

inline int num_rows(const LayerConfig& config, ConstRows rows) { return static_cast<int>(rows.size()) / config.hidden; }

}  // namespace moe_layer
