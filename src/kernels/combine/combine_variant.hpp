// The shapes of code that combine is compiled in.
#pragma once

#include "base/host_device.hpp"

namespace crossdock::kernels {

/// All that is fixed when the kernel is compiled.
struct CombineVariant {
  int warps = 8;           ///< each one pulls, adds and stores pieces of its own
  int stages = 6;          ///< pieces on their way to a warp
  int piece_bytes = 3584;  ///< of one rank's row; the sums of a piece stay in registers
  bool operator==(const CombineVariant&) const = default;

  CROSSDOCK_HD constexpr int threads() const { return 32 * warps; }
  /// Loads of 16 bytes that a lane makes of a piece.
  CROSSDOCK_HD constexpr int vectors() const { return piece_bytes / 512; }
};

CROSSDOCK_HD constexpr bool is_valid(const CombineVariant& variant) {
  return variant.warps > 0 && variant.threads() <= 1024 && variant.stages > 0 && variant.piece_bytes > 0 &&
         variant.piece_bytes % 512 == 0;
}

}  // namespace crossdock::kernels
