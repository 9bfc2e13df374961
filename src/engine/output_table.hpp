// Tensors of one reservation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "base/math.hpp"
#include "core/layout/region_table.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::engine {

/// Lays tensors one behind the other; the views get their addresses once the memory is there.
class OutputTable {
 public:
  void add(TensorView& view, DType dtype, std::initializer_list<std::int64_t> shape) {
    view = dense_view(static_cast<void*>(nullptr), dtype, shape);
    place(view, view.num_elements());
  }

  /// [rows, words] or [experts, rows, words], each column of rows rounded up to 4.
  void add_column_major(TensorView& view, DType dtype, std::initializer_list<std::int64_t> shape) {
    view = dense_view(static_cast<void*>(nullptr), dtype, shape);
    const auto last = static_cast<std::size_t>(view.num_dims - 1);
    const std::int64_t rows4 = base::round_up<std::int64_t>(view.shape[last - 1], 4);
    view.strides[last] = rows4;
    view.strides[last - 1] = 1;
    std::int64_t elements = view.shape[last] * rows4;
    if (last == 2) {
      view.strides[0] = elements;
      elements *= view.shape[0];
    }
    place(view, elements);
  }

  std::size_t total() const { return table_.total(); }

  void set_base(std::byte* base) {
    for (const auto& [view, offset] : placed_) view->data = base + offset;
  }

 private:
  struct Placed {
    TensorView* view;
    std::size_t offset;
  };

  void place(TensorView& view, std::int64_t elements) {
    placed_.push_back({&view, table_.add(static_cast<std::size_t>(elements), size_of(view.dtype))});
  }

  core::RegionTable table_;
  std::vector<Placed> placed_;
};

}  // namespace crossdock::engine
