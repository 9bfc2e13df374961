// A warp makes a part of the row that goes back for an arrived row.
#pragma once

#include <type_traits>

#include "device/numeric/row_sum.cuh"
#include "kernels/gather/gather_args.hpp"
#include "kernels/gather/gather_smem.cuh"
#include "kernels/gather/roles/enter.cuh"
#include "kernels/gather/roles/tasks.cuh"
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
        tasks_(args),
        rows_(smem.rings[threadIdx.x / 32 % kWarps], args.x, args.hidden) {}

  /// Needs no peer: the first rows are on their way while the block waits.
  __device__ void prepare() {
    tasks_.load();
    if (kIsLatency && lane() == 0) entry_.stored[threadIdx.x / 32].count = 0;
    if (!args_.weights_at_source) start();
  }

  /// Selections are read two tasks ahead. `ready`: false where this rank gave up.
  __device__ void run(bool ready) {
    if (ready && args_.weights_at_source) start();
    while (ready && task_ < tasks_.count()) {
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

  __device__ void start() { rows_.start(read(task_), read(task_ + stride())); }

  __device__ std::int32_t token_of(const GatherPlace& place) const {
    return args_.tokens != nullptr ? args_.tokens[place.row] : place.in_source;
  }

  __device__ SelectedPart read(int task) const {
    SelectedPart result;
    if (task >= tasks_.count()) return result;
    const GatherPlace place = tasks_.place_of(task);
    result.channel = place.part * device::kSumChannels;
    if (lane() >= args_.top_k) return result;
    const std::int64_t at = static_cast<std::int64_t>(place.row) * args_.top_k + lane();
    const std::int32_t position = args_.positions[at];  // on its way together with what says whether it exists
    result.selection.position = tasks_.exists(place) ? position : -1;
    if (args_.weights_at_source && result.selection.position >= 0) {
      const std::int64_t there = static_cast<std::int64_t>(token_of(place)) * args_.top_k + lane();
      result.selection.weight = device::load_relaxed_sys(entry_.weights[place.source] + there);
    } else if (args_.weights != nullptr && !args_.weights_at_source) {
      result.selection.weight = args_.weights[at];
    }
    return result;
  }

  __device__ std::byte* target_of(const GatherPlace& place) const {
    const std::int64_t bytes = static_cast<std::int64_t>(args_.hidden) * (args_.wire_dtype == DType::kFp32 ? 4 : 2);
    if (!goes_to_source(args_)) return args_.out + place.row * bytes;
    const std::int64_t row = args_.port.rank * args_.tokens_per_source + token_of(place);
    return args_.port.windows[place.source] + args_.out_at + row * bytes;
  }

  /// The part is stored: its flag is set at the end of the block, or where there are more of them before. Lane 0
  /// counts, in shared memory: registers are short.
  __device__ void note(const GatherPlace& place) {
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
    stored.flags[at] = row_flag(args_.port, place.source, args_.flags, row, place.part, tasks_.parts());
    stored.count = at + 1;
  }

  __device__ void sum() {
    if (!rows_.has_rows()) return;
    const GatherPlace place = tasks_.place_of(task_);
    device::RowSum<kType> sum(place.part * device::kSumChannels, args_.hidden);
    rows_.add_to(sum);
    sum.store(target_of(place), args_.wire_dtype);
    if constexpr (kIsLatency) note(place);
  }

  const GatherArgs& args_;
  GatherEntry& entry_;
  int task_;
  std::conditional_t<kIsLatency, LatencyTasks, ArrivedTasks> tasks_;
  SelectedRows<kType> rows_;
};

}  // namespace crossdock::kernels
