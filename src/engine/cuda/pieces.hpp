// Arrays of kernels in one reservation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/layout/region_table.hpp"

namespace crossdock::engine::cuda {

/// Lays arrays one behind the other; the pointers get their addresses once the memory is there.
class Pieces {
 public:
  template <typename Element>
  void add(Element*& pointer, std::int64_t count) {
    const std::size_t offset = table_.add(static_cast<std::size_t>(count), sizeof(Element));
    placed_.emplace_back(reinterpret_cast<void**>(&pointer), offset);
  }

  std::size_t total() const { return table_.total(); }

  void set_base(std::byte* base) {
    for (const auto& [pointer, offset] : placed_) *pointer = base + offset;
  }

 private:
  core::RegionTable table_;
  std::vector<std::pair<void**, std::size_t>> placed_;
};

}  // namespace crossdock::engine::cuda
