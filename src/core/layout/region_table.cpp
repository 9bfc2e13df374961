#include "core/layout/region_table.hpp"

#include <fmt/format.h>

#include "base/math.hpp"
#include "crossdock/error.hpp"

namespace crossdock::core {

std::size_t RegionTable::add(std::size_t count, std::size_t element_bytes) {
  std::size_t bytes = 0;
  std::size_t end = 0;
  if (__builtin_mul_overflow(count, element_bytes, &bytes) ||
      __builtin_add_overflow(total_, bytes + kRegionAlignment, &end) || bytes + kRegionAlignment < bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("layout: {} elements of {} bytes do not fit an address space", count, element_bytes));
  }
  offsets_.push_back(total_);
  total_ = base::round_up(total_ + bytes, kRegionAlignment);
  return offsets_.back();
}

}  // namespace crossdock::core
