#include "cpu/fast/scale_target.hpp"

#include <algorithm>
#include <cstring>

namespace crossdock::cpu {

void ScaleTarget::store(std::int64_t row, const std::byte* source) const {
  std::uint32_t* out = data + (row / rows_per_block) * block_stride + (row % rows_per_block) * row_stride;
  for (std::int64_t word = 0; word < words; ++word) {
    std::uint32_t value = 0;
    if (source != nullptr) std::memcpy(&value, source + word * 4, sizeof value);
    out[word * word_stride] = value;
  }
}

ScaleTarget make_scale_target(const TensorView& scales) {
  if (!scales.given()) return {};
  auto* data = static_cast<std::uint32_t*>(scales.data);
  if (scales.num_dims == 3) {
    return {.data = data,
            .words = scales.shape[2],
            .rows_per_block = std::max<std::int64_t>(scales.shape[1], 1),
            .block_stride = scales.strides[0],
            .row_stride = scales.strides[1],
            .word_stride = scales.strides[2]};
  }
  return {.data = data,
          .words = scales.shape[1],
          .rows_per_block = std::max<std::int64_t>(scales.shape[0], 1),
          .row_stride = scales.strides[0],
          .word_stride = scales.strides[1]};
}

void transpose_scales(const core::WireBlock& block, std::int64_t num_rows, const ScaleTarget& target) {
  for (std::int64_t row = 0; row < num_rows; ++row) target.store(row, block.scales(row));
}

}  // namespace crossdock::cpu
