// A warp makes a part of the row that goes back for an arrived row.
#pragma once

#include "base/math.hpp"
#include "device/numeric/row_sum.cuh"
#include "kernels/gather/gather_args.hpp"
#include "kernels/gather/gather_smem.cuh"
#include "kernels/gather/roles/enter.cuh"

namespace crossdock::kernels {

template <DType kType>
class RowGatherer {
 public:
  /// A rank that rejected its call has no rows.
  __device__ RowGatherer(const GatherArgs& args, const GatherEntry& entry)
      : args_(args),
        entry_(entry),
        lane_(static_cast<int>(threadIdx.x % 32)),
        parts_(base::div_up(args.hidden, device::kSumChannels)) {
    const bool is_source = lane_ < args.port.num_ranks && args.terms.rejected < 0;
    first_ = is_source ? __ldcg(args.first_row + lane_) : 0;
    end_ = is_source ? __ldcg(args.num_rows + lane_) : 0;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      const std::int32_t below = __shfl_up_sync(~0U, end_, step);
      end_ += lane_ >= step ? below : 0;
    }
    task_ = static_cast<int>(blockIdx.x) * kGatherWarps + static_cast<int>(threadIdx.x / 32);
    num_rows_ = __shfl_sync(~0U, end_, 31);
    num_tasks_ = num_rows_ * parts_;
    peers_first_ = __shfl_sync(~0U, end_, args.port.rank);
  }

  /// Needs no peer: the first selections are on their way while the block waits.
  __device__ void prepare() {
    if (!args_.weights_at_source) next_ = read(task_);
  }

  /// Selections are read a task ahead.
  __device__ void run() {
    if (args_.weights_at_source) next_ = read(task_);
    const int stride = static_cast<int>(gridDim.x) * kGatherWarps;
    for (; task_ < num_tasks_; task_ += stride) {
      const Selections current = next_;
      next_ = read(task_ + stride);
      sum(current);
    }
  }

 private:
  /// Of a part of an arrived row, a lane a selection.
  struct Selections {
    int part;
    std::byte* target;
    std::int32_t position = -1;
    float weight = 1.0F;
  };

  __device__ bool is_weighted() const { return args_.weights_at_source || args_.weights != nullptr; }

  __device__ Selections read(int task) const {
    Selections result;
    if (task >= num_tasks_) return result;
    std::int32_t ordinal = task / parts_;
    result.part = task - ordinal * parts_;
    ordinal += peers_first_;
    if (ordinal >= num_rows_) ordinal -= num_rows_;
    const int source = __popc(__ballot_sync(~0U, ordinal >= end_));
    const std::int32_t begin = __shfl_sync(~0U, end_, max(source - 1, 0));
    const std::int32_t in_source = ordinal - (source > 0 ? begin : 0);
    const std::int32_t row = __shfl_sync(~0U, first_, source) + in_source;  // arrived
    const std::int32_t token = args_.tokens != nullptr ? args_.tokens[row] : in_source;
    result.target = target_of(source, row, token);
    if (lane_ >= args_.top_k) return result;
    const std::int64_t at = static_cast<std::int64_t>(row) * args_.top_k + lane_;
    result.position = args_.positions[at];
    if (args_.weights_at_source) {
      const std::int64_t there = static_cast<std::int64_t>(token) * args_.top_k + lane_;
      result.weight = device::load_relaxed_sys(entry_.weights[source] + there);
    } else if (args_.weights != nullptr) {
      result.weight = args_.weights[at];
    }
    return result;
  }

  __device__ std::byte* target_of(int source, std::int64_t row, std::int64_t token) const {
    const std::int64_t bytes = static_cast<std::int64_t>(args_.hidden) * (args_.wire_dtype == DType::kFp32 ? 4 : 2);
    if (!goes_to_source(args_)) return args_.out + row * bytes;
    return args_.port.windows[source] + args_.out_at + (args_.port.rank * args_.tokens_per_source + token) * bytes;
  }

  __device__ void sum(const Selections& selections) const {
    const std::uint32_t lanes = __ballot_sync(~0U, selections.position >= 0);
    if (lanes == 0) return;
    const std::byte* row = args_.x + static_cast<std::int64_t>(max(selections.position, 0)) * args_.hidden *
                                         (kType == DType::kFp32 ? 4 : 2);
    device::RowSum<device::Read::kOnce, kType> sum(selections.part * device::kSumChannels, args_.hidden);
    if (is_weighted()) {
      sum.template add<true>(lanes, row, selections.weight);
    } else {
      sum.template add<false>(lanes, row, 1.0F);
    }
    sum.store(selections.target, args_.wire_dtype);
  }

  const GatherArgs& args_;
  const GatherEntry& entry_;
  int lane_;
  int parts_;
  std::int32_t first_;  ///< of the lane's source: its first arrived row,
  std::int32_t end_;    ///< and the rows up to its last one, gaps left out
  int task_;
  int num_tasks_;
  std::int32_t num_rows_;
  std::int32_t peers_first_;  ///< rows of the next ranks come first, the own ones last: bytes for peers take longest
  Selections next_ = {};
};

}  // namespace crossdock::kernels
