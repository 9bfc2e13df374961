// Where scales of received rows go: row-major or column-major, whole or expert by expert.
#pragma once

#include <cstdint>

#include "core/layout/wire_layout.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::cpu {

/// Words of 4 bytes: fp32 scales or packed exponents, moved alike.
struct ScaleTarget {
  std::uint32_t* data = nullptr;
  std::int64_t words = 0;           ///< S
  std::int64_t rows_per_block = 1;  ///< rows of one expert in kExpertPadded, else all rows
  std::int64_t block_stride = 0;
  std::int64_t row_stride = 0;
  std::int64_t word_stride = 0;

  /// Stores S words at a row; words == nullptr stores zeros.
  void store(std::int64_t row, const std::byte* source) const;
};

/// From the view of the output: [rows, S] or [E_local, rows, S]. Not given: no words.
ScaleTarget make_scale_target(const TensorView& scales);

/// kFlat, column-major: the receiver transposes what arrived row-major.
void transpose_scales(const core::WireBlock& block, std::int64_t num_rows, const ScaleTarget& target);

}  // namespace crossdock::cpu
