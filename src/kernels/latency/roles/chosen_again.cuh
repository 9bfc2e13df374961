// An expert that a token has chosen twice.
#pragma once

namespace crossdock::kernels {

/// A warp, a lane a selection, those of a token side by side, several such rows of lanes at once: whether an earlier k
/// of the token has the lane's expert. By shuffles: __match_any_sync takes as long as there are different values.
template <int kRows>
__device__ __forceinline__ void find_chosen_again(const int (&experts)[kRows], int k, int top_k, bool (&again)[kRows]) {
#pragma unroll
  for (bool& is_again : again) is_again = false;
  for (int step = 1; step < top_k; ++step) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int earlier = __shfl_up_sync(~0U, experts[i], step);
      again[i] = again[i] || (step <= k && earlier == experts[i]);
    }
  }
}

}  // namespace crossdock::kernels
