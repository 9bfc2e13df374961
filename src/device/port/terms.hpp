// What the ranks of a call have to agree on, and how a call ended.
#pragma once

#include <cstdint>

namespace crossdock::device {

/// Values that all ranks of a call give; which one means what is the caller's business, but for one.
inline constexpr int kNumAgreed = 20;
/// A combine's own kernels give it: 1 where the dispatch of its handle failed, which no host may know yet.
inline constexpr int kDispatchFailed = 18;

struct Terms {
  std::int32_t rejected = -1;  ///< a rank that rejected its own call still takes part: the ErrorCode, or -1
  std::int32_t agreed[kNumAgreed] = {};
};

enum class CallState : std::int32_t { kDone, kRejectedByPeer, kMismatch, kCapacityExceeded, kGaveUp };

/// In memory that the host reads while kernels run. Written where the call failed, or where the host waits for it:
/// stores to the host are paid for at the end of the kernel.
struct CallOutcome {
  std::uint64_t tag = 0;            ///< of the call, stored last (release): the fields below are complete
  std::uint64_t* failed = nullptr;  ///< host memory: becomes 1 after the tag where the call failed; or nullptr
  CallState state = CallState::kDone;
  std::int32_t rank = -1;        ///< kRejectedByPeer, kMismatch, kCapacityExceeded: the lowest such rank
  std::int32_t field = -1;       ///< kMismatch: index in Terms::agreed
  std::int32_t theirs = -1;      ///< kMismatch: that rank's value; kRejectedByPeer: its ErrorCode
  std::int64_t num_rows = 0;     ///< rows of the layout on this rank, padding included; 0 unless kDone
  std::int64_t wire_rows = 0;    ///< rows that cross to this rank, one a (token, rank)
  std::int64_t rows_needed = 0;  ///< kCapacityExceeded: by that rank
  std::int64_t rows_taken = 0;   ///< kCapacityExceeded: at most, by that rank
};

/// Device memory of this rank, one a channel (an independent series of calls). Captured graphs follow it: a kernel's
/// tag is `tag + 1`, and one block of the call's last kernel stores it here: the last to end, or in latency mode the
/// last that has read it.
struct Channel {
  std::uint64_t tag = 0;          ///< of the last call; the epoch is in its upper bits, so it only grows
  std::uint32_t blocks_done = 0;  ///< 0 between kernels
  std::uint32_t claimed = 0;      ///< 0 between kernels
};

}  // namespace crossdock::device
