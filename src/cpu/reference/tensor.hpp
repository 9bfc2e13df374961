// Tensors that start as kPoison and are written element by element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "crossdock/reference.hpp"

namespace crossdock::reference {

/// Row-major.
Tensor poisoned(DType dtype, std::vector<std::int64_t> shape);

/// shape is [rows, S] or [E_local, rows, S]; order as DispatchOptions::scale_order says.
Tensor poisoned_scales(DType dtype, std::vector<std::int64_t> shape, ScaleOrder order);

/// Element `index` in stored order.
template <typename Value>
void put(Tensor& tensor, std::int64_t index, Value value) {
  std::memcpy(tensor.bytes.data() + index * static_cast<std::int64_t>(sizeof(Value)), &value, sizeof(Value));
}

}  // namespace crossdock::reference
