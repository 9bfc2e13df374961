// Which rank holds which expert: core/topology/placement.hpp, on the device.
#pragma once

namespace crossdock::kernels {

struct ExpertRange {
  int first = 0;
  int count = 0;
};

__device__ __forceinline__ ExpertRange experts_of(int rank, int num_experts, int num_ranks) {
  const int each = num_experts / num_ranks;
  const int larger = num_experts % num_ranks;
  return {rank * each + min(rank, larger), each + (rank < larger ? 1 : 0)};
}

__device__ __forceinline__ int rank_of(int expert, int num_experts, int num_ranks) {
  const int each = num_experts / num_ranks;
  const int larger = num_experts % num_ranks;
  const int in_larger = larger * (each + 1);
  return expert < in_larger ? expert / (each + 1) : larger + (expert - in_larger) / each;
}

/// What the caller put there.
__device__ __forceinline__ long long index_at(const void* topk_idx, bool is_64, long long at) {
  return is_64 ? static_cast<const long long*>(topk_idx)[at]
               : static_cast<long long>(static_cast<const int*>(topk_idx)[at]);
}

/// Expert of a selection, or -1.
__device__ __forceinline__ int expert_at(const void* topk_idx, bool is_64, long long index, int num_experts) {
  const long long expert = index_at(topk_idx, is_64, index);
  return expert >= 0 && expert < num_experts ? static_cast<int>(expert) : -1;
}

}  // namespace crossdock::kernels
