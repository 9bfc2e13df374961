// Rows of each expert, which a rank tells once.
#pragma once

#include "device/ptx/barrier.cuh"
#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/block.cuh"
#include "kernels/latency/roles/chosen_again.cuh"
#include "kernels/latency/roles/signals.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// All workers, at the start.
__device__ __forceinline__ void clear_rows(const LatencySendArgs& args, std::int32_t* rows) {
  for (int i = static_cast<int>(threadIdx.x); i < args.num_experts; i += kWorkers) rows[i] = 0;
  device::barrier_sync(1, kWorkers);
}

/// All workers: adds tokens [begin, end) to the rows of each expert of all ranks. A repeated expert counts once a
/// token.
class TokenCounter {
 public:
  /// Loads the first ones.
  __device__ TokenCounter(const LatencySendArgs& args, int begin, int end) : args_(args), begin_(begin), end_(end) {
    load();
  }

  /// Once what was counted before has been read.
  __device__ void run(std::int32_t* rows) {
    while (begin_ < end_) {
      add(rows);
      begin_ += kTogether * stride();
      if (begin_ < end_) load();
    }
  }

 private:
  static constexpr int kTogether = 4;  ///< loads in flight

  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }
  static __device__ int warp() { return static_cast<int>(threadIdx.x / 32); }
  __device__ int tokens_of_warp() const { return 32 / args_.top_k; }
  __device__ int token_of_lane() const { return lane() / args_.top_k; }
  __device__ int k() const { return lane() - token_of_lane() * args_.top_k; }
  __device__ int stride() const { return kWorkerWarps * tokens_of_warp(); }

  __device__ void load() {
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int token = begin_ + i * stride() + warp() * tokens_of_warp() + token_of_lane();
      const bool exists = token_of_lane() < tokens_of_warp() && token < end_;
      const long long at = static_cast<long long>(token) * args_.top_k + k();
      experts_[i] = exists ? expert_at(args_.topk_idx, args_.idx_is_64, at, args_.num_experts) : -1;
    }
  }

  __device__ void add(std::int32_t* rows) const {
    bool again[kTogether];
    find_chosen_again(experts_, k(), args_.top_k, again);
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (experts_[i] >= 0 && !again[i]) atomicAdd(rows + experts_[i], 1);
    }
  }

  const LatencySendArgs& args_;
  int begin_;
  int end_;
  int experts_[kTogether] = {};  ///< of the lane's selections
};

/// All workers of one block: the counts of all tokens to the experts' ranks.
__device__ __forceinline__ void post_counts(const LatencySendArgs& args, const std::int32_t* rows, std::uint64_t tag) {
  device::barrier_sync(1, kWorkers);  // all have counted
  for (int expert = static_cast<int>(threadIdx.x); expert < args.num_experts; expert += kWorkers) {
    const int holder = rank_of(expert, args.num_experts, args.port.num_ranks);
    if (!is_live(args.port, holder)) continue;
    const ExpertRange experts = experts_of(holder, args.num_experts, args.port.num_ranks);
    device::LatencyTold& theirs = told_of(args.port, args.latency_board, holder, tag);
    device::store_relaxed_sys(&theirs.expert_rows[args.port.rank * experts.count + expert - experts.first],
                              device::tagged(tag, static_cast<std::uint32_t>(rows[expert])));
  }
}

}  // namespace crossdock::kernels
