// An expert that a token has chosen twice.
#pragma once

namespace crossdock::kernels {

/// A warp, a lane a selection, those of a token side by side: whether an earlier k of the token has the lane's expert.
/// By shuffles: __match_any_sync takes as long as there are different values.
__device__ __forceinline__ bool is_chosen_again(int expert, int k, int top_k) {
  bool again = false;
  for (int step = 1; step < top_k; ++step) {
    const int earlier = __shfl_up_sync(~0U, expert, step);
    again = again || (step <= k && earlier == expert);
  }
  return again;
}

}  // namespace crossdock::kernels
