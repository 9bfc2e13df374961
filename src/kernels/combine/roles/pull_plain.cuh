// A warp pulls pieces with ordinary loads: before sm_90.
#pragma once

#include "kernels/combine/combine_smem.cuh"
#include "kernels/combine/roles/sum.cuh"
#include "kernels/combine/roles/work.cuh"

namespace crossdock::kernels {

template <CombineVariant V>
__device__ __forceinline__ void pull_plain(const CombineArgs& args, const CombineEntry& entry) {
  const int row_bytes = row_bytes_of(args);
  const int warp = static_cast<int>(blockIdx.x) * V.warps + static_cast<int>(threadIdx.x / 32);
  for (Work<V> work(args, warp, static_cast<int>(gridDim.x) * V.warps); !work.done(); work.advance()) {
    PieceSum<V.vectors()> sum;
    for (std::uint32_t ranks = work.ranks(); ranks != 0; ranks &= ranks - 1) {
      const int rank = __ffs(static_cast<int>(ranks)) - 1;
      const std::int64_t row = __shfl_sync(~0U, work.slot(), rank);
      sum.add_peer(entry.rows[rank] + row * row_bytes + work.offset(), work.bytes());
    }
    const std::int64_t at = static_cast<std::int64_t>(work.token()) * row_bytes + work.offset();
    add_biases(args, at, work.bytes(), sum);
    sum.store(args.y + at, work.bytes());
  }
}

}  // namespace crossdock::kernels
