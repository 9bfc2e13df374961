// The rows that make one token, in the order in which they are added.
#pragma once

#include "kernels/combine/roles/handshake.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// One warp: a lane a rank, or a selection.
class Contributions {
 public:
  struct Row {
    const std::byte* bytes = nullptr;  ///< nullptr: no more rows
    float weight = 0;
  };

  __device__ Contributions(const CombineArgs& args, const CombineEntry& entry, int token)
      : lane_(static_cast<int>(threadIdx.x % 32)) {
    if (entry.dispatch_failed) return;
    if (args.per_selection) {
      find_selection(args, entry, token);
    } else {
      find_rank(args, entry, token);
    }
  }

  /// The next one.
  __device__ Row next() {
    const std::uint32_t first = __reduce_min_sync(~0U, order_);
    if (first == kNone) return {};
    const int owner = static_cast<int>(first % 32);
    const auto address = __shfl_sync(~0U, reinterpret_cast<std::uintptr_t>(row_.bytes), owner);
    const float weight = __shfl_sync(~0U, row_.weight, owner);
    if (lane_ == owner) order_ = kNone;
    return {reinterpret_cast<const std::byte*>(address), weight};
  }

 private:
  static constexpr std::uint32_t kNone = ~0U;

  /// Ranks ascending.
  __device__ void find_rank(const CombineArgs& args, const CombineEntry& entry, int token) {
    if (!is_live(args.port, lane_)) return;
    const std::int32_t slot = args.slots[static_cast<std::int64_t>(token) * args.port.num_ranks + lane_];
    if (slot < 0) return;
    order_ = static_cast<std::uint32_t>(lane_);
    row_.bytes = entry.rows[lane_] + slot * pulled_bytes(args);
  }

  /// Ranks ascending, then k.
  __device__ void find_selection(const CombineArgs& args, const CombineEntry& entry, int token) {
    if (lane_ >= args.top_k) return;
    const std::int64_t at = static_cast<std::int64_t>(token) * args.top_k + lane_;
    const std::int32_t expert = args.selections[at];
    if (expert < 0) return;
    const int rank = rank_of(expert, args.num_experts, args.port.num_ranks);
    const std::int64_t arrived =
        args.tokens_per_source != 0
            ? args.port.rank * args.tokens_per_source + token
            : args.first_rows[rank] + args.slots[static_cast<std::int64_t>(token) * args.port.num_ranks + rank];
    const std::uint64_t positions_at = __ldcg(&board_of(args, args.port.rank)->positions_at[rank]);
    const auto* positions = reinterpret_cast<const std::int32_t*>(args.port.windows[rank] + positions_at);
    const std::int32_t position = __ldcg(positions + arrived * args.top_k + lane_);
    if (position < 0) return;
    order_ = static_cast<std::uint32_t>(rank * 32 + lane_);
    row_.bytes = entry.rows[rank] + position * pulled_bytes(args);
    if (args.weights != nullptr) row_.weight = args.weights[at];
  }

  int lane_;
  std::uint32_t order_ = kNone;
  Row row_;
};

}  // namespace crossdock::kernels
