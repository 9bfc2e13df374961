// One expert: y = down(silu(gate(x)) * up(x)), a SwiGLU network of three matrices.
#pragma once

#include <vector>

#include "config.hpp"

namespace moe_layer {

class Expert {
 public:
  /// `expert` of the whole layer names its weights.
  Expert(const LayerConfig& config, int expert);

  /// As many rows of y as of x.
  void run(ConstRows x, Rows y) const;

 private:
  LayerConfig config_;
  std::vector<float> gate_;  ///< [I, H]
  std::vector<float> up_;    ///< [I, H]
  std::vector<float> down_;  ///< [H, I]
};

}  // namespace moe_layer
