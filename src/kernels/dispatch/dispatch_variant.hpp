// The shapes of code that dispatch is compiled in.
#pragma once

#include "base/host_device.hpp"

namespace crossdock::kernels {

/// All that is fixed when the kernel is compiled. No arrays: the host stub of nvcc 13.0 refuses them in a template
/// argument.
struct DispatchVariant {
  int row_warps = 4;       ///< warps that move rows
  int meta_warps = 4;      ///< warps that move indices, weights and scales
  int stages = 4;          ///< chunks of shared memory a row warp has
  int unread_stores = 1;   ///< chunks whose stores may still read shared memory while the next one is stored
  int chunk_bytes = 7168;  ///< a row is as many as it needs
  bool operator==(const DispatchVariant&) const = default;

  CROSSDOCK_HD constexpr int threads() const { return 32 * (row_warps + meta_warps); }
};

CROSSDOCK_HD constexpr bool is_valid(const DispatchVariant& variant) {
  return variant.row_warps > 0 && variant.meta_warps > 0 && variant.unread_stores >= 0 &&
         variant.stages > variant.unread_stores && variant.chunk_bytes % 128 == 0 && variant.threads() <= 1024;
}

}  // namespace crossdock::kernels
