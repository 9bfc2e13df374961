// A block of a gather: warps that work, and one that waits and speaks.
#pragma once

#include "device/copy/row_ring.cuh"
#include "device/port/peer_port.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/call.cuh"

namespace crossdock::kernels {

/// Rows for the tokens' ranks are made by blocks like those of the other kernels of latency mode, which have to fit an
/// SM beside them. Rows for the own window are throughput mode's, on few SMs: more warps a block.
inline constexpr int kOwnGatherWarps = 16;
constexpr int gather_threads(int warps) { return warps * 32 + 32; }
static_assert(gather_threads(kWorkerWarps) == kLatencyThreads);

/// What a block knows once it may begin.
struct GatherEntry {
  LatencyCall call;
  bool ready;
  const float* weights[device::kMaxPeers];  ///< given at combine, by source
};

/// Its size is the launch size.
template <DType kType, int kWarps>
struct GatherSmem {
  typename device::RowRing<kType>::Smem rings[kWarps];
  GatherEntry entry;
};

}  // namespace crossdock::kernels
