// Shared memory of the combine kernel; its size is the launch size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/port/peer_port.hpp"
#include "kernels/agree.cuh"
#include "kernels/combine/combine_variant.hpp"

namespace crossdock::kernels {

/// What a block knows once all ranks are ready.
struct CombineEntry {
  std::uint64_t tag;
  Disagreement found;                        ///< kGaveUp: not all ranks are ready
  bool dispatch_failed;                      ///< on all ranks alike, where `found` is kDone: no rank has rows
  const std::byte* rows[device::kMaxPeers];  ///< this source's first row at each rank; per_selection: the rank's first
};

template <CombineVariant V>
struct CombineSmem {
  alignas(128) std::byte pieces[V.warps][V.stages][V.piece_bytes];
  std::uint64_t full[V.warps][V.stages];
  CombineEntry entry;
};

}  // namespace crossdock::kernels
