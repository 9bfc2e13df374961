// The kernel that ends a latency combine: who does what, nothing else.
#pragma once

#include "base/math.hpp"
#include "device/numeric/row_sum.cuh"
#include "device/ptx/grid.cuh"
#include "device/sync/last_plain_block.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/latency_smem.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// A warp makes parts of tokens' rows.
template <DType kType>
class TokenSummer {
 public:
  __device__ explicit TokenSummer(const LatencySumArgs& args)
      : args_(args),
        lane_(static_cast<int>(threadIdx.x % 32)),
        parts_(base::div_up(args.hidden, device::kSumChannels)),
        num_tasks_(args.terms.rejected < 0 ? args.num_tokens * parts_ : 0),
        task_(static_cast<int>(blockIdx.x) * kSumWarps + static_cast<int>(threadIdx.x / 32)),
        next_ranks_(ranks_of(task_)) {}

  /// The ranks of a token are found a task ahead, for the first one before its rows are here.
  __device__ void run() {
    const int stride = static_cast<int>(gridDim.x) * kSumWarps;
    for (; task_ < num_tasks_; task_ += stride) {
      const std::uint32_t ranks = next_ranks_;
      next_ranks_ = ranks_of(task_ + stride);
      sum(task_ / parts_, task_ % parts_, ranks);
    }
  }

 private:
  /// A lane a selection.
  __device__ std::uint32_t ranks_of(int task) const {
    if (task >= num_tasks_) return 0;
    std::uint32_t rank = 0;
    if (lane_ < args_.top_k) {
      const int expert = args_.selections[static_cast<std::int64_t>(task / parts_) * args_.top_k + lane_];
      if (expert >= 0) rank = 1U << rank_of(expert, args_.num_experts, args_.port.num_ranks);
    }
    return __reduce_or_sync(~0U, rank) & args_.port.live;
  }

  __device__ void sum(std::int64_t token, int part, std::uint32_t ranks) const {
    device::RowSum<device::Read::kPeer, kType> sum(part * device::kSumChannels, args_.hidden);
    const std::int64_t row = static_cast<std::int64_t>(lane_) * args_.max_tokens + token;  // of the lane's rank
    sum.template add<false>(ranks, args_.area + row_offset(row, kType), 1.0F);
    if (args_.round_node_sum) sum.round_to(args_.wire_dtype);
    if (args_.bias0 != nullptr) sum.add_any(row_at(args_.bias0, token, args_.bias0_dtype), args_.bias0_dtype);
    if (args_.bias1 != nullptr) sum.add_any(row_at(args_.bias1, token, args_.bias1_dtype), args_.bias1_dtype);
    sum.store(args_.y + row_offset(token, args_.out_dtype), args_.out_dtype);
  }

  __device__ std::int64_t row_offset(std::int64_t token, DType dtype) const {
    return token * args_.hidden * (dtype == DType::kFp32 ? 4 : 2);
  }
  __device__ const std::byte* row_at(const std::byte* rows, std::int64_t token, DType dtype) const {
    return rows + row_offset(token, dtype);
  }

  const LatencySumArgs& args_;
  int lane_;
  int parts_;
  int num_tasks_;
  int task_;
  std::uint32_t next_ranks_;
};

/// The last block, all threads.
__device__ __forceinline__ void leave(const LatencySumArgs& args, LatencySumSmem& smem) {
  if (threadIdx.x == 0) smem.gave_up = device::has_given_up(args.limit);
  __syncthreads();
  leave_receive(args, smem.entry, smem.gave_up);
}

template <DType kType>
__global__ void __launch_bounds__(kSumThreads, 1) latency_sum_kernel(const __grid_constant__ LatencySumArgs args) {
  __shared__ LatencySumSmem smem;
  device::wait_for_earlier_kernels();
  TokenSummer<kType> summer(args);
  if (threadIdx.x < 32) enter_receive(args, device::Operation::kCombine, smem.entry);
  __syncthreads();
  if (smem.entry.found.state == device::CallState::kDone) summer.run();
  if (device::is_last_plain_block<device::Spoken::kReads>(&args.channel->blocks_done)) leave(args, smem);
}

}  // namespace crossdock::kernels
