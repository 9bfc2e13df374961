#include "engine/planted_bit.hpp"

#include <limits>

#include "base/environment.hpp"

namespace crossdock::engine {

PlantedBit::PlantedBit()
    : rows_left_(base::environment_integer("CROSSDOCK_FLIP_BIT", 0, std::numeric_limits<std::int64_t>::max())) {}

void PlantedBit::after_store(int rank, const core::Route& route, std::span<const cpu::RowTarget> targets) {
  if (!rows_left_) return;
  for (std::size_t peer = 0; peer < targets.size(); ++peer) {
    const auto rows = static_cast<std::int64_t>(route.tokens_to[peer].size());
    if (static_cast<int>(peer) == rank) continue;
    if (*rows_left_ < rows) {
      *targets[peer].block.x(targets[peer].first_row + *rows_left_) ^= std::byte{1};
      rows_left_.reset();
      return;
    }
    *rows_left_ -= rows;
  }
}

}  // namespace crossdock::engine
