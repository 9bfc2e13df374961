// The number of a token's row among this rank's rows of an expert: how many earlier tokens have chosen the expert.
#pragma once

#include <cstdint>

#include "kernels/latency/latency_args.hpp"
#include "kernels/latency/roles/chosen_again.cuh"
#include "kernels/placement.cuh"

namespace crossdock::kernels {

/// In shared memory, of one warp.
struct EarlierTokens {
  std::int8_t lanes[device::kMaxExperts];  ///< a lane that has the expert, or -1
  std::int32_t counts[32];                 ///< tokens, by that lane
};

/// One warp.
__device__ __forceinline__ void clear_earlier(EarlierTokens& earlier) {
  for (int i = static_cast<int>(threadIdx.x % 32); i < device::kMaxExperts; i += 32) earlier.lanes[i] = -1;
  __syncwarp();
}

/// One warp. Few earlier selections are of the token's experts, so most are done with after one look at a table.
class EarlierCounter {
 public:
  /// Loads the first ones.
  __device__ EarlierCounter(const LatencySendArgs& args, int token, EarlierTokens& smem)
      : args_(args),
        smem_(smem),
        token_(token),
        tokens_of_warp_(32 / args.top_k),
        token_of_lane_(lane() / args.top_k),
        k_(lane() - token_of_lane_ * args.top_k) {
    load();
  }

  /// Of the lane's expert, or -1.
  __device__ int count(int expert) {
    if (expert >= 0) smem_.lanes[expert] = static_cast<std::int8_t>(lane());
    smem_.counts[lane()] = 0;
    __syncwarp();
    while (first_ < token_) {
#pragma unroll
      for (int i = 0; i < kTogether; ++i) look(experts_[i]);
      first_ += kTogether * tokens_of_warp_;
      load();
    }
    __syncwarp();
    const int result = expert >= 0 ? smem_.counts[smem_.lanes[expert]] : 0;
    __syncwarp();
    if (expert >= 0) smem_.lanes[expert] = -1;
    __syncwarp();
    return result;
  }

 private:
  static constexpr int kTogether = 16;  ///< loads in flight

  static __device__ int lane() { return static_cast<int>(threadIdx.x % 32); }

  __device__ void load() {
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      const int token = first_ + i * tokens_of_warp_ + token_of_lane_;
      const bool exists = token_of_lane_ < tokens_of_warp_ && token < token_;
      const long long at = static_cast<long long>(token) * args_.top_k + k_;
      experts_[i] = exists ? expert_at(args_.topk_idx, args_.idx_is_64, at, args_.num_experts) : -1;
    }
  }

  __device__ void look(int expert) const {
    const int owner = expert >= 0 ? smem_.lanes[expert] : -1;
    const std::uint32_t found = __ballot_sync(~0U, owner >= 0);
    if (found == 0) return;
    const bool several = (found & (found - 1)) != 0;  // a token that repeats an expert counts once
    const bool again = several && is_chosen_again(expert, k_, args_.top_k);
    if (owner >= 0 && !again) atomicAdd(&smem_.counts[owner], 1);
  }

  const LatencySendArgs& args_;
  EarlierTokens& smem_;
  int token_;
  int tokens_of_warp_;
  int token_of_lane_;
  int k_;
  int first_ = 0;
  int experts_[kTogether] = {};
};

}  // namespace crossdock::kernels
