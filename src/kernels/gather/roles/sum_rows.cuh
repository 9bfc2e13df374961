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

template <DType kType, int kWarps>
class RowGatherer {
 public:
  __device__ RowGatherer(const GatherArgs& args, GatherSmem<kType, kWarps>& smem)
      : args_(args),
        entry_(smem.entry),
        task_(static_cast<int>(blockIdx.x + threadIdx.x / 32 * gridDim.x)),
        tasks_(args),
        rows_(smem.rings[threadIdx.x / 32 % kWarps], args.x, args.hidden) {}

  /// Needs no peer: the first rows are on their way while the block waits.
  __device__ void prepare() {
    tasks_.load();
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
    if constexpr (!kIsLatency) return args_.out + place.row * bytes;
    return area_of(place) + args_.area.x + row_of(place) * bytes;
  }

  __device__ std::byte* area_of(const GatherPlace& place) const {
    return area_at(args_.port, place.source, args_.area, entry_.call.tag);
  }
  /// In the area.
  __device__ std::int64_t row_of(const GatherPlace& place) const {
    return args_.port.rank * args_.tokens_per_source + token_of(place);
  }

  /// All lanes: the part is there, whatever it looks like.
  __device__ void set_mark(const GatherPlace& place) const {
    __syncwarp();
    if (lane() != 0) return;
    device::fence_sys();
    auto* marks = reinterpret_cast<std::uint64_t*>(area_of(place) + args_.area.marks);
    device::store_relaxed_sys(marks + row_of(place) * tasks_.parts() + place.part, entry_.call.tag);
  }

  __device__ void sum() {
    if (!rows_.has_rows()) return;
    const GatherPlace place = tasks_.place_of(task_);
    device::RowSum<kType> sum(place.part * device::kSumChannels, args_.hidden);
    rows_.add_to(sum);
    if constexpr (kIsLatency) {
      if (__any_sync(~0U, sum.send(target_of(place), args_.wire_dtype))) set_mark(place);
    } else {
      sum.store(target_of(place), args_.wire_dtype);
    }
  }

  const GatherArgs& args_;
  GatherEntry& entry_;
  int task_;
  std::conditional_t<kIsLatency, LatencyTasks, ArrivedTasks> tasks_;
  SelectedRows<kType> rows_;
};

}  // namespace crossdock::kernels
