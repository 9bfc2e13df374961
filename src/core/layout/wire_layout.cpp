#include "core/layout/wire_layout.hpp"

namespace crossdock::core {

WireLayout make_wire_layout(const WireShape& shape, std::int64_t rows) {
  RegionTable table;
  const auto count = static_cast<std::size_t>(rows);
  WireLayout layout{.shape = shape};
  layout.x = table.add(count, shape.x_bytes);
  layout.scales = table.add(count, shape.scale_bytes);
  layout.idx = table.add(count, shape.idx_bytes);
  layout.weights = table.add(count, shape.weight_bytes);
  layout.token = table.add(count, shape.token_bytes);
  layout.total = table.total();
  return layout;
}

}  // namespace crossdock::core
