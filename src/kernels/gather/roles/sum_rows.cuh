// A warp makes a part of the row that goes back for an arrived row.
#pragma once

#include "device/numeric/row_sum.cuh"
#include "kernels/gather/gather_args.hpp"
#include "kernels/gather/gather_smem.cuh"
#include "kernels/gather/roles/enter.cuh"
#include "kernels/selected_rows.cuh"

namespace crossdock::kernels {

/// A lane a part.
__device__ __forceinline__ void set_flags(const StoredParts& parts, int lane, std::uint64_t tag) {
  if (lane < parts.count) device::store_relaxed_sys(parts.flags[lane], tag);
}

template <DType kType, int kWarps>
class RowGatherer {
 public:
  __device__ RowGatherer(const GatherArgs& args, GatherSmem<kType, kWarps>& smem)
      : args_(args),
        entry_(smem.entry),
        task_(static_cast<int>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x / 32)),
        rows_(smem.rings[threadIdx.x / 32 % kWarps], args.x, args.hidden) {}

  /// Needs no peer: the first rows are on their way while the block waits. A rank that rejected its call has none.
  __device__ void prepare() {
    const bool is_left = args_.leaves_own && lane() == args_.port.rank;
    const bool is_source = lane() < args_.port.num_ranks && !is_left && args_.terms.rejected < 0;
    if constexpr (!kIsLatency) first_ = is_source ? __ldcg(args_.first_row + lane()) : 0;
    end_ = is_source ? __ldcg(args_.num_rows + lane()) : 0;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      const std::int32_t below = __shfl_up_sync(~0U, end_, step);
      end_ += lane() >= step ? below : 0;
    }
    if (kIsLatency && lane() == 0) entry_.stored[threadIdx.x / 32].count = 0;
    if (!args_.weights_at_source) start();
  }

  /// Selections are read two tasks ahead. `ready`: false where this rank gave up.
  __device__ void run(bool ready) {
    if (ready && args_.weights_at_source) start();
    while (ready && task_ < num_tasks()) {
      const SelectedPart after = read(task_ + 2 * stride());
      sum();
      rows_.advance(after);
      task_ += stride();
    }
    rows_.drop();
  }

 private:
  static constexpr bool kIsLatency = kWarps == kWorkerWarps;

  static __device__ int stride() { return static_cast<int>(gridDim.x) * kWarps; }
  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  __device__ int num_tasks() const { return __shfl_sync(~0U, end_, 31) * parts(); }
  __device__ int parts() const { return device::parts_of_row(args_.hidden); }

  /// A part of an arrived row.
  struct Place {
    int part;
    int source;
    std::int32_t row;
    std::int32_t in_source;  ///< its number among the source's
  };

  __device__ void start() { rows_.start(read(task_), read(task_ + stride())); }

  /// Rows of the next ranks come first, the own ones last: bytes for peers take longest.
  __device__ Place place_of(int task) const {
    const std::int32_t num_rows = __shfl_sync(~0U, end_, 31);
    std::int32_t ordinal = task / parts();
    const int part = task - ordinal * parts();
    ordinal += __shfl_sync(~0U, end_, args_.port.rank);
    if (ordinal >= num_rows) ordinal -= num_rows;
    const int source = __popc(__ballot_sync(~0U, ordinal >= end_));
    const std::int32_t begin = __shfl_sync(~0U, end_, max(source - 1, 0));
    const std::int32_t in_source = ordinal - (source > 0 ? begin : 0);
    return {part, source, first_row_of(source) + in_source, in_source};
  }

  /// In latency mode it is known: registers are short.
  __device__ std::int32_t first_row_of(int source) const {
    if constexpr (kIsLatency) return source * static_cast<std::int32_t>(args_.tokens_per_source);
    return __shfl_sync(~0U, first_, source);
  }

  __device__ std::int32_t token_of(const Place& place) const {
    return args_.tokens != nullptr ? args_.tokens[place.row] : place.in_source;
  }

  __device__ SelectedPart read(int task) const {
    SelectedPart result;
    if (task >= num_tasks()) return result;
    const Place place = place_of(task);
    result.channel = place.part * device::kSumChannels;
    if (lane() >= args_.top_k) return result;
    const std::int64_t at = static_cast<std::int64_t>(place.row) * args_.top_k + lane();
    result.selection.position = args_.positions[at];
    if (args_.weights_at_source) {
      const std::int64_t there = static_cast<std::int64_t>(token_of(place)) * args_.top_k + lane();
      result.selection.weight = device::load_relaxed_sys(entry_.weights[place.source] + there);
    } else if (args_.weights != nullptr) {
      result.selection.weight = args_.weights[at];
    }
    return result;
  }

  __device__ std::byte* target_of(const Place& place) const {
    const std::int64_t bytes = static_cast<std::int64_t>(args_.hidden) * (args_.wire_dtype == DType::kFp32 ? 4 : 2);
    if (!goes_to_source(args_)) return args_.out + place.row * bytes;
    const std::int64_t row = args_.port.rank * args_.tokens_per_source + token_of(place);
    return args_.port.windows[place.source] + args_.out_at + row * bytes;
  }

  /// The part is stored: its flag is set at the end of the block, or where there are more of them before. Lane 0
  /// counts, in shared memory: registers are short.
  __device__ void note(const Place& place) {
    StoredParts& stored = entry_.stored[threadIdx.x / 32];
    if (stored.count == kStoredParts) {
      __syncwarp();
      device::fence_sys();
      set_flags(stored, lane(), entry_.call.tag);
    }
    __syncwarp();
    if (lane() != 0) return;
    const std::int64_t row = args_.port.rank * args_.tokens_per_source + token_of(place);
    const int at = stored.count % kStoredParts;
    stored.flags[at] = row_flag(args_.port, place.source, args_.flags, row, place.part, parts());
    stored.count = at + 1;
  }

  __device__ void sum() {
    if (!rows_.has_rows()) return;
    device::RowSum<kType> sum(task_ % parts() * device::kSumChannels, args_.hidden);
    rows_.add_to(sum);
    const Place place = place_of(task_);
    sum.store(target_of(place), args_.wire_dtype);
    if constexpr (kIsLatency) note(place);
  }

  const GatherArgs& args_;
  GatherEntry& entry_;
  int task_;
  std::int32_t first_ = 0;  ///< of the lane's source: its first arrived row, not in latency mode,
  std::int32_t end_ = 0;    ///< and the rows up to its last one, gaps left out
  SelectedRows<kType> rows_;
};

}  // namespace crossdock::kernels
