// After a call that failed by its terms: rows of it are on their way, nobody reads them, and ranks may not even agree
// on where they go.
#pragma once

#include "device/ptx/grid.cuh"
#include "device/sync/empty.cuh"
#include "kernels/latency/roles/arrival.cuh"

namespace crossdock::kernels {

/// All threads, at their end; all live ranks alike. Waits until every source says that its rows have come, then makes
/// the whole area empty. A rank that gives up leaves it as it is: areas are made empty when an epoch starts.
template <typename Args>
__device__ __forceinline__ void drain(const Args& args, device::Operation operation, Arrival& arrival) {
  const std::uint64_t tag = arrival.call.tag;
  device::wait_for_earlier_kernels();  // the rows of this rank have come where they go
  if (!is_worker()) {
    if (blockIdx.x == 0) signal_all(args.port, args.latency_board, &device::LatencyBoard::sent, tag);
    const device::LatencyBoard& mine = latency_board(args.port, args.latency_board, args.port.rank);
    if (!await_all(mine.sent, tag, args.port, operation, device::Phase::kRows, args.limit)) {
      note_failure(arrival);
      device::tell_peers(args.port, args.board, args.limit);
    }
  }
  __syncthreads();
  if (arrival.failed != 0) return;
  auto* area = reinterpret_cast<uint4*>(area_at(args.port, args.port.rank, args.area, tag) + args.area.x);
  const std::uint64_t vectors = args.area.turn_bytes / sizeof(uint4);
  const unsigned first = blockIdx.x * kLatencyThreads + threadIdx.x;
  const unsigned stride = gridDim.x * kLatencyThreads;
  for (std::uint64_t at = first; at < vectors; at += stride) device::make_empty(area + at);
}

}  // namespace crossdock::kernels
