// Sizes and offsets from one table: whoever asks for the size and whoever asks for the address read the same entries.
#pragma once

#include <cstddef>
#include <vector>

namespace crossdock::core {

/// Alignment of every region and of every window allocation: a cache line pair, and TMA's 128 bytes.
inline constexpr std::size_t kRegionAlignment = 128;

/// Regions one behind the other, each aligned to kRegionAlignment. Add them in the order of an enum and ask by it.
class RegionTable {
 public:
  /// Returns the region's offset. Throws Error where sizes overflow.
  std::size_t add(std::size_t count, std::size_t element_bytes);

  std::size_t offset(std::size_t region) const { return offsets_[region]; }
  /// Sum of all, a multiple of kRegionAlignment.
  std::size_t total() const { return total_; }

 private:
  std::vector<std::size_t> offsets_;
  std::size_t total_ = 0;
};

}  // namespace crossdock::core
