// Selections an expert among the first rows: what comes before a block's own rows.
#pragma once

#include "device/ptx/vector.cuh"
#include "kernels/expand/expand_smem.cuh"

namespace crossdock::kernels {

/// Warps that count together, and which of them this is.
struct Team {
  int member;
  int size;
};

__device__ __forceinline__ void count_entry(const std::int32_t expert, bool counts, std::int32_t* experts) {
  if (counts && expert >= 0) atomicAdd(experts + expert, 1);
}

/// A team: entries [0, count) at `idx`, by 16-byte vectors; where such a vector begins earlier or ends later than the
/// entries, what does not belong to them is left out.
__device__ __forceinline__ void count_entries(const std::int32_t* idx, std::int64_t count, const Team& team,
                                              std::int32_t* experts) {
  constexpr int kTogether = 4;  // loads in flight
  const auto skipped = static_cast<int>(reinterpret_cast<std::uintptr_t>(idx) / sizeof(std::int32_t) % 4);
  const auto* vectors = reinterpret_cast<const uint4*>(idx - skipped);
  const std::int64_t num_vectors = (count + skipped + 3) / 4;
  const std::int64_t stride = team.size * 32;
  for (std::int64_t at = team.member * 32 + threadIdx.x % 32; at < num_vectors; at += kTogether * stride) {
    uint4 values[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      values[i] = device::load_peer_if(vectors + at + i * stride, at + i * stride < num_vectors);
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const std::int64_t vector = at + i * stride;
      if (vector >= num_vectors) continue;
      const std::int64_t entry = vector * 4 - skipped;
      count_entry(static_cast<std::int32_t>(values[i].x), entry >= 0, experts);
      count_entry(static_cast<std::int32_t>(values[i].y), entry + 1 >= 0 && entry + 1 < count, experts);
      count_entry(static_cast<std::int32_t>(values[i].z), entry + 2 >= 0 && entry + 2 < count, experts);
      count_entry(static_cast<std::int32_t>(values[i].w), entry + 3 < count, experts);
    }
  }
}

/// `warps` warps of the block, this one is `warp`: adds the selections of rows [0, end) to `experts`. Several sources
/// are counted at once.
__device__ __forceinline__ void count_rows(const ExpandArgs& args, const ExpandSources& sources, std::int32_t end,
                                           std::int32_t* experts, int warp, int warps) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::uint32_t all = __ballot_sync(~0U, sources.rows[lane] > 0 && sources.begin[lane] < end);
  const int num_sources = __popc(all);
  if (num_sources == 0) return;
  const int team_size = max(1, warps / num_sources);
  const int num_teams = warps / team_size;
  const int team = warp / team_size;
  int ordinal = 0;
  for (std::uint32_t left = all; left != 0; left &= left - 1, ++ordinal) {
    if (ordinal % num_teams != team) continue;
    const int source = __ffs(static_cast<int>(left)) - 1;
    const std::int32_t rows = min(sources.rows[source], end - sources.begin[source]);
    count_entries(args.arrived.idx + static_cast<std::int64_t>(sources.first[source]) * args.top_k,
                  static_cast<std::int64_t>(rows) * args.top_k, {warp % team_size, team_size}, experts);
  }
}

}  // namespace crossdock::kernels
