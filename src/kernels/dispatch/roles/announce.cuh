// A rank's announcement to one peer.
#pragma once

#include "device/port/board.hpp"
#include "device/ptx/order.cuh"
#include "device/sync/wait.cuh"
#include "kernels/dispatch/dispatch_args.hpp"
#include "kernels/store_words.cuh"

namespace crossdock::kernels {

__device__ __forceinline__ device::Board* board_of(const DispatchArgs& args, int rank) {
  return reinterpret_cast<device::Board*>(args.port.windows[rank] + args.board);
}

/// A rank that rejected its own call has no rows.
__device__ __forceinline__ bool has_rows(const DispatchArgs& args) { return args.terms.rejected < 0; }

/// One warp. Everything is read before the first store, and stored before the one fence, which the signal brings.
__device__ __forceinline__ void announce(const DispatchArgs& args, std::uint64_t tag, int peer) {
  constexpr int kTogether = 16;
  const int lane = static_cast<int>(threadIdx.x % 32);
  std::int32_t experts[kTogether];
  const auto load_experts = [&](int first) {
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int expert = first + i * 32 + lane;
      experts[i] = expert < args.num_experts && has_rows(args) ? args.expert_rows[expert] : 0;
    }
  };
  load_experts(0);
  const std::int32_t rows = lane < args.port.num_ranks && has_rows(args) ? args.rank_rows[lane] : 0;
  if (__any_sync(~0U, device::has_given_up(args.limit))) return;

  device::Board* board = board_of(args, peer);
  device::Announcement& announcement = board->announcements[args.port.rank];
  store_words<std::uint32_t>(announcement.terms, args.terms, lane);
  store_words<std::uint64_t>(announcement.offer, args.offer, lane);
  if (lane == 30) announcement.blocks = static_cast<std::int32_t>(gridDim.x);
  if (lane == 31) announcement.layout_capacity = args.layout_capacity;
  announcement.rows_to[lane] = rows;
  for (int first = 0; first < args.num_experts;) {
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int expert = first + i * 32 + lane;
      if (expert < args.num_experts) announcement.expert_rows[expert] = experts[i];
    }
    first += 32 * kTogether;
    if (first < args.num_experts) load_experts(first);
  }
  __syncwarp();
  if (lane == 0) device::store_release_sys(&board->announced[args.port.rank], tag);
}

}  // namespace crossdock::kernels
