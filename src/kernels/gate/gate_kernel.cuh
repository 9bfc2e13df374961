// A warp a token.
#pragma once

#include <cstdint>

#include "base/host_device.hpp"
#include "core/routing/exp_steps.hpp"
#include "device/ptx/grid.cuh"
#include "kernels/gate/best.cuh"
#include "kernels/gate/gate_args.hpp"

namespace crossdock::kernels {

inline constexpr int kGateWarps = 8;

/// Floats of shared memory that a warp has: choices, then ranks of groups, then which groups stay.
CROSSDOCK_HD constexpr int gate_floats(int num_experts, int num_groups) { return num_experts + 2 * num_groups; }

class TokenGate {
 public:
  __device__ TokenGate(const GateArgs& args, float* memory)
      : args_(args),
        lane_(static_cast<int>(threadIdx.x % 32)),
        group_size_(args.num_experts / args.num_groups),
        choices_(memory),
        ranks_(memory + args.num_experts),
        stays_(ranks_ + args.num_groups) {}

  __device__ void run(int token) {
    const float* logits = args_.logits + static_cast<std::int64_t>(token) * args_.num_experts;
    for (int expert = lane_; expert < args_.num_experts; expert += 32) {
      const float score = score_of(logits[expert]);
      choices_[expert] = args_.bias != nullptr ? __fadd_rn(score, args_.bias[expert]) : score;
    }
    __syncwarp();
    BestOf experts(choices_, args_.num_experts);
    if (args_.top_groups < args_.num_groups) leave_out_groups(experts);
    int chosen = 0;
    for (int k = 0; k < args_.top_k; ++k) {
      const int expert = experts.take();
      if (lane_ == k) chosen = expert;
    }
    store(token, chosen, score_of(logits[chosen]));
    __syncwarp();  // choices are written again for the next token
  }

 private:
  /// Of a sum of 0 nobody has a share.
  static __device__ float share_of(float score, float sum) { return sum == 0.0F ? 0.0F : __fdiv_rn(score, sum); }

  __device__ float score_of(float logit) const { return args_.sigmoid ? core::steps::sigmoid(logit) : logit; }

  /// Sum of the two best choices of a group; a group of one expert has that one.
  __device__ float rank_of_group(int group) const {
    const float* choices = choices_ + group * group_size_;
    int best = 0;
    int second = -1;
    for (int i = 1; i < group_size_; ++i) {
      const std::uint32_t key = rank_key(choices[i]);
      if (key > rank_key(choices[best])) {
        second = best;
        best = i;
      } else if (second < 0 || key > rank_key(choices[second])) {
        second = i;
      }
    }
    return second < 0 ? choices[best] : __fadd_rn(choices[best], choices[second]);
  }

  __device__ void leave_out_groups(BestOf& experts) {
    for (int group = lane_; group < args_.num_groups; group += 32) {
      ranks_[group] = rank_of_group(group);
      stays_[group] = 0;
    }
    __syncwarp();
    BestOf groups(ranks_, args_.num_groups);
    for (int i = 0; i < args_.top_groups; ++i) {
      const int group = groups.take();
      if (lane_ == 0) stays_[group] = 1;
    }
    __syncwarp();
    for (int expert = lane_; expert < args_.num_experts; expert += 32) {
      if (stays_[expert / group_size_] == 0) experts.leave_out(expert);
    }
  }

  /// Lane k has the k-th expert.
  __device__ void store(int token, int expert, float score) const {
    float sum = 0;
    for (int k = 0; k < args_.top_k; ++k) sum = __fadd_rn(sum, __shfl_sync(~0U, score, k));
    if (lane_ >= args_.top_k) return;
    const std::int64_t at = static_cast<std::int64_t>(token) * args_.top_k + lane_;
    if (args_.idx_is_64) {
      static_cast<std::int64_t*>(args_.topk_idx)[at] = expert;
    } else {
      static_cast<std::int32_t*>(args_.topk_idx)[at] = expert;
    }
    const float share = args_.normalize ? share_of(score, sum) : score;
    args_.topk_weights[at] = __fmul_rn(share, args_.route_scale);
  }

  const GateArgs& args_;
  int lane_;
  int group_size_;
  float* choices_;
  float* ranks_;
  float* stays_;
};

static __global__ void __launch_bounds__(32 * kGateWarps) gate_kernel(const __grid_constant__ GateArgs args) {
  extern __shared__ float memory[];
  device::wait_for_earlier_kernels();
  const int warp = static_cast<int>(threadIdx.x / 32);
  TokenGate gate(args, memory + warp * gate_floats(args.num_experts, args.num_groups));
  const int stride = static_cast<int>(gridDim.x) * kGateWarps;
  for (int token = static_cast<int>(blockIdx.x) * kGateWarps + warp; token < args.num_tokens; token += stride) {
    gate.run(token);
  }
}

}  // namespace crossdock::kernels
