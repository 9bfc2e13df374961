// The block of rows that crosses from one rank to another: one row a (token, rank).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/layout/region_table.hpp"

namespace crossdock::core {

/// Bytes of one row's parts; 0 where the part does not cross.
struct WireShape {
  std::size_t x_bytes = 0;       ///< H x element size
  std::size_t scale_bytes = 0;   ///< 4 x S, row-major
  std::size_t idx_bytes = 0;     ///< K local experts (-1 = not of this rank): the caller's type in kFlat, else int32
  std::size_t weight_bytes = 0;  ///< K fp32
  std::size_t token_bytes = 0;   ///< int32 token at its source; not in kFlat
};

/// Each part of all rows lies together: x is [rows, H] as the expert wants it.
struct WireLayout {
  WireShape shape;
  std::size_t x = 0;
  std::size_t scales = 0;
  std::size_t idx = 0;
  std::size_t weights = 0;
  std::size_t token = 0;
  std::size_t total = 0;
};

WireLayout make_wire_layout(const WireShape& shape, std::int64_t rows);

/// Rows of a wire layout at some address.
struct WireBlock {
  std::byte* base = nullptr;
  WireLayout layout;

  std::byte* x(std::int64_t row) const { return at(layout.x, layout.shape.x_bytes, row); }
  std::byte* scales(std::int64_t row) const { return at(layout.scales, layout.shape.scale_bytes, row); }
  std::byte* idx(std::int64_t row) const { return at(layout.idx, layout.shape.idx_bytes, row); }
  std::byte* weights(std::int64_t row) const { return at(layout.weights, layout.shape.weight_bytes, row); }
  std::byte* token(std::int64_t row) const { return at(layout.token, layout.shape.token_bytes, row); }

 private:
  std::byte* at(std::size_t offset, std::size_t row_bytes, std::int64_t row) const {
    return base + offset + row_bytes * static_cast<std::size_t>(row);
  }
};

}  // namespace crossdock::core
