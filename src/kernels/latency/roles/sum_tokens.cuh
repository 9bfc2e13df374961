// A warp makes parts of tokens' rows from those that the ranks sent.
#pragma once

#include "base/math.hpp"
#include "device/numeric/row_sum.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

template <DType kType>
class TokenSummer {
 public:
  __device__ explicit TokenSummer(const LatencySumArgs& args)
      : args_(args),
        lane_(static_cast<int>(threadIdx.x % 32)),
        parts_(base::div_up(args.hidden, device::kSumChannels)),
        num_tasks_(args.terms.rejected < 0 ? args.num_tokens * parts_ : 0),
        task_(static_cast<int>(blockIdx.x) * kWorkerWarps + static_cast<int>(threadIdx.x / 32)),
        sum_(0, 0) {}

  /// Needs no peer.
  __device__ void find_first() { ranks_ = ranks_of(task_); }

  /// Once rows have arrived, whatever is in them: they are on their way while terms are compared.
  __device__ void add_first() {
    if (task_ < num_tasks_) add();
  }

  /// The ranks of a token are found a task ahead.
  __device__ void run() {
    const int stride = static_cast<int>(gridDim.x) * kWorkerWarps;
    while (task_ < num_tasks_) {
      const std::uint32_t next = ranks_of(task_ + stride);
      finish(task_ / parts_);
      task_ += stride;
      ranks_ = next;
      if (task_ < num_tasks_) add();
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

  __device__ void add() {
    const int token = task_ / parts_;
    sum_ = {(task_ - token * parts_) * device::kSumChannels, args_.hidden};
    const std::int64_t row = static_cast<std::int64_t>(lane_) * args_.max_tokens + token;  // of the lane's rank
    sum_.template add<false>(ranks_, args_.area + row_offset(row, kType), 1.0F);
  }

  __device__ void finish(std::int64_t token) {
    if (args_.round_node_sum) sum_.round_to(args_.wire_dtype);
    if (args_.bias0 != nullptr) sum_.add_any(row_at(args_.bias0, token, args_.bias0_dtype), args_.bias0_dtype);
    if (args_.bias1 != nullptr) sum_.add_any(row_at(args_.bias1, token, args_.bias1_dtype), args_.bias1_dtype);
    sum_.store(args_.y + row_offset(token, args_.out_dtype), args_.out_dtype);
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
  std::uint32_t ranks_ = 0;
  device::RowSum<device::Read::kPeer, kType> sum_;
};

}  // namespace crossdock::kernels
