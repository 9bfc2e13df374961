// Whether all ranks of a call gave the same terms.
#pragma once

#include <type_traits>

#include "device/port/terms.hpp"
#include "kernels/live.cuh"

namespace crossdock::kernels {

/// How a call ends by its terms alone: device::CallOutcome. It lies in shared memory, which nobody constructs.
struct Disagreement {
  device::CallState state;
  std::int32_t rank;
  std::int32_t field;
  std::int32_t theirs;
};
static_assert(std::is_trivially_default_constructible_v<Disagreement>);

/// Whether the dispatch of a handle failed: a word that it wrote itself, before this kernel; nullptr of a call that its
/// own rank rejected.
__device__ __forceinline__ bool has_failed(const std::uint32_t* dispatch_failed) {
  return dispatch_failed != nullptr && __ldcg(dispatch_failed) != 0;
}

/// One warp, a lane a word of the terms: lane 0 whether a rank rejected its call, lane 1 + i field i. Reading the terms
/// is the caller's, so that loads of several ranks are in flight together.
class Agreement {
 public:
  __device__ explicit Agreement(const device::Terms& own, bool dispatch_failed = false)
      : lane_(static_cast<int>(threadIdx.x % 32)), own_(lane_ < kWords ? words_of(own)[lane_] : 0) {
    if (dispatch_failed && lane_ == 1 + device::kDispatchFailed) own_ = 1;
  }

  /// The lane's word of this rank's terms.
  __device__ std::int32_t own() const { return own_; }

  __device__ void store_own(device::Terms& to) const {
    if (lane_ < kWords) reinterpret_cast<std::int32_t*>(&to)[lane_] = own_;
  }

  /// The lane's word of a rank's terms.
  __device__ std::int32_t load(const device::Terms& theirs) const {
    return lane_ < kWords ? __ldcg(words_of(theirs) + lane_) : 0;
  }

  __device__ void look(int rank, std::int32_t word) {
    const bool stands_out = lane_ == 0 ? word >= 0 : word != own_;
    if (!stands_out || found_ != 0) return;
    found_ = 1U << rank;
    theirs_ = word;
  }

  /// Once ranks have been looked at in ascending order.
  __device__ Disagreement result() const {
    const std::uint32_t rejecting = __shfl_sync(~0U, found_, 0);
    const std::uint32_t differing = __reduce_or_sync(~0U, lane_ == 0 ? 0 : found_);
    if ((rejecting | differing) == 0) return {device::CallState::kDone, -1, -1, -1};
    // Each lane has found the lowest rank of its field, so the lowest of all is among them.
    const std::uint32_t all = rejecting != 0 ? rejecting : differing;
    const std::uint32_t lowest = all & (~all + 1);
    const bool names_it = found_ == lowest && (lane_ == 0) == (rejecting != 0);
    const int lane = __ffs(static_cast<int>(__ballot_sync(~0U, names_it))) - 1;
    return {.state = rejecting != 0 ? device::CallState::kRejectedByPeer : device::CallState::kMismatch,
            .rank = __ffs(static_cast<int>(lowest)) - 1,
            .field = rejecting != 0 ? -1 : lane - 1,
            .theirs = __shfl_sync(~0U, theirs_, lane)};
  }

 private:
  static constexpr int kWords = 1 + device::kNumAgreed;
  static_assert(sizeof(device::Terms) == 4 * kWords && kWords <= 32);

  static __device__ const std::int32_t* words_of(const device::Terms& terms) {
    return reinterpret_cast<const std::int32_t*>(&terms);
  }

  int lane_;
  std::int32_t own_;
  std::uint32_t found_ = 0;  ///< the lowest rank that stands out, as a bit
  std::int32_t theirs_ = 0;
};

/// One warp: the terms of all live ranks, [rank] of the own board, beside those of this rank. `kTogether` loads are in
/// flight.
template <int kTogether>
__device__ __forceinline__ Disagreement compare_terms(const device::PeerPort& port, const device::Terms& own,
                                                      bool dispatch_failed, const device::Terms* theirs) {
  Agreement agreement(own, dispatch_failed);
  for (int first = 0; first < port.num_ranks; first += kTogether) {
    std::int32_t words[kTogether];
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      words[i] = is_live(port, first + i) ? agreement.load(theirs[first + i]) : 0;
    }
#pragma unroll
    for (int i = 0; i < kTogether; ++i) {
      if (is_live(port, first + i)) agreement.look(first + i, words[i]);
    }
  }
  return agreement.result();
}

}  // namespace crossdock::kernels
