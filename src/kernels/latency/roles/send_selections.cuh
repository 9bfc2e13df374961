// A token's selections, and what travels with its row, a lane a selection.
#pragma once

#include "device/sync/wait.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/chosen_again.cuh"
#include "kernels/latency/roles/selection_word.cuh"
#include "kernels/latency/roles/signals.cuh"
#include "kernels/live.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

struct SentSelections {
  int expert;           ///< the lane's, of all ranks; -1 = none
  int holder;           ///< the rank that has it
  std::uint32_t ranks;  ///< that the token goes to, in all lanes
};

/// The first index out of range is reported, and counts as none.
__device__ __noinline__ inline void report_index(const LatencySendArgs& args, long long index) {
  device::WaitReport* report = args.limit.index_report;
  // Whoever looks together with another thread writes the same but for the index.
  if (report == nullptr || device::load_relaxed_sys(&report->written) != 0) return;
  device::write_report(report, {device::Operation::kDispatch, device::Phase::kIndex, args.port.rank, args.port.rank},
                       static_cast<std::uint64_t>(args.num_experts), static_cast<std::uint64_t>(index));
}

/// One warp. `reports` in the one that speaks for the token.
__device__ __forceinline__ SentSelections read_selections(const LatencySendArgs& args, int token, bool reports) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  SentSelections result{-1, -1, 0};
  std::uint32_t rank = 0;
  if (lane < args.top_k) {
    const long long at = static_cast<long long>(token) * args.top_k + lane;
    const long long index = index_at(args.topk_idx, args.idx_is_64, at);
    const bool exists = index >= 0 && index < args.num_experts;
    if (!exists && index != -1 && reports) report_index(args, index);
    const int holder = exists ? rank_of(static_cast<int>(index), args.num_experts, args.port.num_ranks) : 0;
    if (exists && is_live(args.port, holder)) {
      result.expert = static_cast<int>(index);
      result.holder = holder;
      rank = 1U << holder;
    }
  }
  result.ranks = __reduce_or_sync(~0U, rank);
  return result;
}

/// The one warp that speaks for a token: selections to every live rank, ready scales to those that get the row.
class SelectionSender {
 public:
  /// All that needs no count.
  __device__ SelectionSender(const LatencySendArgs& args, int token, const SentSelections& selections)
      : args_(args),
        selections_(selections),
        lane_(static_cast<int>(threadIdx.x % 32)),
        token_(token),
        row_(static_cast<std::int64_t>(args.port.rank) * args.max_tokens + token) {
    if (args.topk_weights != nullptr && lane_ < args.top_k) {
      weight_ = args.topk_weights[static_cast<std::int64_t>(token) * args.top_k + lane_];
    }
    first_scale_ = ready_scale(lane_);
    second_scale_ = ready_scale(lane_ + 32);
    bool repeated[1];
    find_chosen_again({selections.expert}, lane_, args.top_k, repeated);
    const int first =
        selections.expert >= 0 ? experts_of(selections.holder, args.num_experts, args.port.num_ranks).first : 0;
    first_word_ = selection_word(selections.expert - first, repeated[0]);
  }

  /// Once areas are empty. `ordinal`: number of the lane's row among this rank's rows of its expert. Whether a scale
  /// looks empty.
  __device__ bool send(int ordinal, std::uint64_t tag) const {
    const std::int32_t word = with_ordinal(first_word_, ordinal);
    bool looks_empty = false;
    for (int rank = 0; rank < args_.port.num_ranks; ++rank) {
      if (!is_live(args_.port, rank)) continue;
      std::byte* const area = area_at(args_.port, rank, args_.area, tag);
      send_words(area, selections_.holder == rank ? word : kNoSelection);
      if ((selections_.ranks >> rank & 1U) != 0 && sends_scales()) looks_empty = send_scales(area) || looks_empty;
    }
    if (args_.selections != nullptr && lane_ < args_.top_k) {
      args_.selections[static_cast<std::int64_t>(token_) * args_.top_k + lane_] = selections_.expert;
    }
    return looks_empty;
  }

 private:
  __device__ bool sends_scales() const { return args_.quantize == Quantize::kNone && args_.scales != nullptr; }

  __device__ std::uint32_t ready_scale(int word) const {
    if (!sends_scales() || word >= args_.scale_words) return 0;
    return args_.scales[token_ * args_.scale_row_stride + word * args_.scale_word_stride];
  }

  /// For each part of the row, and for what goes beside it.
  __device__ void send_words(std::byte* area, std::int32_t word) const {
    const int count = (device::parts_of_bytes(args_.row_bytes) + 1) * args_.top_k;
    auto* const out = reinterpret_cast<uint2*>(area + args_.area.selections) + row_ * count;
    const uint2 own = selection_pair(word, weight_);
    for (int first = 0; first < count; first += 32) {
      const int k = (first + lane_) % args_.top_k;
      const uint2 pair{__shfl_sync(~0U, own.x, k), __shfl_sync(~0U, own.y, k)};
      if (first + lane_ < count) device::store_peer(out + first + lane_, pair);
    }
  }

  __device__ bool send_scales(std::byte* area) const {
    auto* out = reinterpret_cast<std::uint32_t*>(area + args_.area.scales) + row_ * args_.scale_words;
    bool looks_empty = false;
    for (int word = lane_; word < args_.scale_words; word += 32) {
      const std::uint32_t later = word >= 64 ? ready_scale(word) : second_scale_;
      const std::uint32_t scale = word == lane_ ? first_scale_ : later;
      device::store_peer(out + word, scale);
      looks_empty = looks_empty || device::looks_empty(scale);
    }
    return looks_empty;
  }

  const LatencySendArgs& args_;
  SentSelections selections_;
  int lane_;
  int token_;
  std::int64_t row_;  ///< of every part of the area
  float weight_ = 0;
  std::int32_t first_word_ = 0;  ///< as of the first row of its expert
  std::uint32_t first_scale_ = 0;
  std::uint32_t second_scale_ = 0;
};

}  // namespace crossdock::kernels
