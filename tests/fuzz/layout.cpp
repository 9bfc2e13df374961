// Regions of tables lie one behind the other, aligned, none over another; what does not fit an address space is an
// Error and nothing else is. Sums are repeated here in 128 bits.
#include <vector>

#include "base/assert.hpp"
#include "core/layout/region_table.hpp"
#include "core/layout/wire_layout.hpp"
#include "crossdock/error.hpp"
#include "input.hpp"

namespace {

using crossdock::Error;
using crossdock::core::kRegionAlignment;
using crossdock::core::RegionTable;
using crossdock::fuzz::Input;

using Wide = unsigned __int128;
constexpr Wide kAddressSpace = Wide{1} << 64;

struct Region {
  std::size_t offset = 0;
  Wide bytes = 0;
};

/// In the order of the table.
void check_regions(const std::vector<Region>& regions, std::size_t total) {
  Wide end = 0;
  for (const Region& region : regions) {
    CROSSDOCK_ASSERT(region.offset % kRegionAlignment == 0);
    CROSSDOCK_ASSERT(region.offset >= end && region.offset < end + kRegionAlignment);
    end = region.offset + region.bytes;
  }
  CROSSDOCK_ASSERT(total % kRegionAlignment == 0);
  CROSSDOCK_ASSERT(total >= end && total < end + kRegionAlignment);
}

void fuzz_table(Input& input) {
  RegionTable table;
  std::vector<Region> regions;
  while (!input.empty() && regions.size() < 64) {
    const auto count = input.any<std::size_t>();
    const auto element_bytes = input.any<std::size_t>();
    const Wide bytes = Wide{count} * element_bytes;
    try {
      regions.push_back({.offset = table.add(count, element_bytes), .bytes = bytes});
      CROSSDOCK_ASSERT(table.offset(regions.size() - 1) == regions.back().offset);
    } catch (const Error&) {
      // A refused region leaves the table as it was, and is refused for its size alone.
      CROSSDOCK_ASSERT(table.total() + bytes + kRegionAlignment >= kAddressSpace);
    }
    check_regions(regions, table.total());
  }
}

void fuzz_wire(Input& input) {
  // Sixteenths, so that the sum below fits 128 bits.
  const auto part = [&] { return input.any<std::size_t>() / 16; };
  const crossdock::core::WireShape shape{
      .x_bytes = part(), .scale_bytes = part(), .idx_bytes = part(), .weight_bytes = part(), .token_bytes = part()};
  const auto rows = static_cast<std::int64_t>(input.any<std::size_t>() >> 1);
  const Wide row_bytes =
      Wide{shape.x_bytes} + shape.scale_bytes + shape.idx_bytes + shape.weight_bytes + shape.token_bytes;
  try {
    const auto wire = crossdock::core::make_wire_layout(shape, rows);
    const auto region = [&](std::size_t offset, std::size_t bytes) {
      return Region{.offset = offset, .bytes = static_cast<Wide>(rows) * bytes};
    };
    check_regions(
        {region(wire.x, shape.x_bytes), region(wire.scales, shape.scale_bytes), region(wire.idx, shape.idx_bytes),
         region(wire.weights, shape.weight_bytes), region(wire.token, shape.token_bytes)},
        wire.total);
  } catch (const Error&) {
    // Five regions, aligned, and the room that the last one asks for behind it.
    CROSSDOCK_ASSERT(static_cast<Wide>(rows) * row_bytes + 6 * kRegionAlignment >= kAddressSpace);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  input.flag() ? fuzz_wire(input) : fuzz_table(input);
  return 0;
}
