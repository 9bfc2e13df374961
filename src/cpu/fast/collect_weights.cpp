#include "cpu/fast/reduce.hpp"

namespace crossdock::cpu {

void collect_weights(const core::Route& route, std::span<const PeerRows> peers,
                     std::span<const float* const> peer_weights, float* out) {
  for (std::int64_t token = 0; token < route.num_tokens; ++token) {
    for (int k = 0; k < route.top_k; ++k) {
      const core::Selection& selection = route.at(token, k);
      float value = 0.0F;
      if (selection.rank >= 0) {
        const std::int64_t row = peers[selection.rank].first_row[0] + selection.ordinal;
        value = peer_weights[selection.rank][row * route.top_k + k];
      }
      out[token * route.top_k + k] = value;
    }
  }
}

}  // namespace crossdock::cpu
