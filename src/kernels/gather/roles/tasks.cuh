// Parts of arrived rows in the order in which warps take them. Those of the next ranks come before the own ones: bytes
// for peers take longest.
#pragma once

#include "device/port/latency_area.hpp"
#include "kernels/gather/gather_args.hpp"

namespace crossdock::kernels {

/// A part of an arrived row.
struct GatherPlace {
  int part;
  int source;
  std::int32_t row;
  std::int32_t in_source;  ///< its number among the source's
};

/// Throughput mode: rows of all sources one after the other; how many there are is known first. One warp.
class ArrivedTasks {
 public:
  __device__ explicit ArrivedTasks(const GatherArgs& args) : args_(args) {}

  /// A rank that rejected its call has none.
  __device__ void load() {
    const bool is_source = lane() < args_.port.num_ranks && args_.terms.rejected < 0;
    first_ = is_source ? __ldcg(args_.first_row + lane()) : 0;
    end_ = is_source ? __ldcg(args_.num_rows + lane()) : 0;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      const std::int32_t below = __shfl_up_sync(~0U, end_, step);
      end_ += lane() >= step ? below : 0;
    }
  }

  __device__ int parts() const { return device::parts_of_row(args_.hidden); }
  __device__ int count() const { return __shfl_sync(~0U, end_, 31) * parts(); }

  __device__ GatherPlace place_of(int task) const {
    const std::int32_t num_rows = __shfl_sync(~0U, end_, 31);
    std::int32_t ordinal = task / parts();
    const int part = task - ordinal * parts();
    ordinal += __shfl_sync(~0U, end_, args_.port.rank);
    if (ordinal >= num_rows) ordinal -= num_rows;
    const int source = __popc(__ballot_sync(~0U, ordinal >= end_));
    const std::int32_t begin = __shfl_sync(~0U, end_, max(source - 1, 0));
    const std::int32_t in_source = ordinal - (source > 0 ? begin : 0);
    return {part, source, __shfl_sync(~0U, first_, source) + in_source, in_source};
  }

  __device__ bool exists(const GatherPlace& /*place*/) const { return true; }

 private:
  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }

  const GatherArgs& args_;
  std::int32_t first_ = 0;  ///< of the lane's source: its first arrived row,
  std::int32_t end_ = 0;    ///< and the rows up to its last one, gaps left out
};

/// Latency mode: every row that may have arrived, token by token through the sources. Where a row lies is known before
/// any look at what has arrived.
class LatencyTasks {
 public:
  __device__ explicit LatencyTasks(const GatherArgs& args) : args_(args) {}

  __device__ void load() {}

  __device__ int parts() const { return device::parts_of_row(args_.hidden); }
  __device__ int count() const { return num_latency_parts(args_); }

  __device__ GatherPlace place_of(int task) const {
    const int ordinal = task / parts();
    const int sources = num_gathered_sources(args_);
    const int token = ordinal / sources;
    int source = args_.port.rank + 1 + ordinal - token * sources;
    if (source >= args_.port.num_ranks) source -= args_.port.num_ranks;
    return {task - ordinal * parts(), source, source * static_cast<std::int32_t>(args_.tokens_per_source) + token,
            token};
  }

  /// Of a masked rank, or of a dispatch that failed, there are none.
  __device__ bool exists(const GatherPlace& place) const {
    return place.in_source < __ldcg(args_.num_rows + place.source);
  }

 private:
  const GatherArgs& args_;
};

}  // namespace crossdock::kernels
