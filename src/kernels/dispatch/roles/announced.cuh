// What the announcements say, once they are here.
#pragma once

#include "kernels/agree.cuh"
#include "kernels/dispatch/dispatch_args.hpp"
#include "kernels/live.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// Loads of announcements that are in flight together.
inline constexpr int kSourcesTogether = 8;

struct RowSums {
  std::int64_t before = 0;  ///< of the sources below this rank
  std::int64_t all = 0;
};

/// A lane a rank: rows that the sources have for it. Looks at everybody's terms on the way.
__device__ __forceinline__ RowSums sum_rows(const DispatchArgs& args, const device::Board& board,
                                            Agreement& agreement) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  RowSums sums;
  for (int first = 0; first < args.port.num_ranks; first += kSourcesTogether) {
    std::int32_t rows[kSourcesTogether];
    std::int32_t words[kSourcesTogether];
#pragma unroll
    for (int i = 0; i < kSourcesTogether; ++i) {
      const bool live = is_live(args.port, first + i);
      const device::Announcement& theirs = board.announcements[live ? first + i : 0];
      rows[i] = live ? __ldcg(&theirs.rows_to[lane]) : 0;
      words[i] = live ? agreement.load(theirs.terms) : 0;
    }
#pragma unroll
    for (int i = 0; i < kSourcesTogether; ++i) {
      sums.before += first + i < args.port.rank ? rows[i] : 0;
      sums.all += rows[i];
      if (is_live(args.port, first + i)) agreement.look(first + i, words[i]);
    }
  }
  return sums;
}

__device__ __forceinline__ device::Offer load_offer(const device::Offer& offer) {
  return {.x = __ldcg(&offer.x),
          .scales = __ldcg(&offer.scales),
          .idx = __ldcg(&offer.idx),
          .weights = __ldcg(&offer.weights),
          .tokens = __ldcg(&offer.tokens),
          .capacity = __ldcg(&offer.capacity)};
}

/// Selections of an expert, of all sources.
__device__ __forceinline__ std::int32_t sum_expert(const device::PeerPort& port, const device::Board& board,
                                                   int expert) {
  std::int32_t sum = 0;
  for (int first = 0; first < port.num_ranks; first += kSourcesTogether) {
    std::int32_t rows[kSourcesTogether];
#pragma unroll
    for (int i = 0; i < kSourcesTogether; ++i) {
      const bool live = is_live(port, first + i);
      rows[i] = live ? __ldcg(&board.announcements[first + i].expert_rows[expert]) : 0;
    }
#pragma unroll
    for (const std::int32_t count : rows) sum += count;
  }
  return sum;
}

}  // namespace crossdock::kernels
