// A wait that gives up: its limit, and what it leaves behind.
#pragma once

#include <cstdint>

namespace crossdock::device {

enum class Operation : std::int32_t { kRouting, kDispatch, kCombine };
/// kAborted: a peer gave up first (Board::gave_up).
enum class Phase : std::int32_t {
  kBlocks,
  kAnnounce,
  kArrive,
  kShared,
  kReady,
  kRead,
  kRelease,
  kRows,
  kAborted,
  kIndex
};

/// In memory that the host reads while kernels run. The first wait that gives up fills it.
struct WaitReport {
  std::uint64_t written = 0;  ///< 1 once the fields below are complete
  Operation operation = Operation::kDispatch;
  Phase phase = Phase::kBlocks;
  std::int32_t rank = -1;
  std::int32_t peer = -1;
  std::uint64_t expected = 0;  ///< tag; kIndex: experts
  std::uint64_t observed = 0;  ///< kIndex: the index, as a signed number
};

struct WaitLimit {
  /// Read while waiting, so that captured graphs follow changes; host or device memory. nullptr: no limit.
  const std::uint64_t* nanoseconds = nullptr;
  WaitReport* report = nullptr;
  WaitReport* index_report = nullptr;  ///< the first index out of range, or nullptr
  /// Device memory of this rank, 0 at the start. Not 0 = some wait of this rank gave up: all others do so at once.
  std::uint32_t* gave_up = nullptr;
  const std::uint64_t* peers_gave_up = nullptr;  ///< Board::gave_up of the own window
  std::uint64_t epoch = 1;                       ///< what it holds where a peer gave up on this epoch
  /// [kMaxPeers] nanoseconds that this rank waited for each peer, summed; device memory, or nullptr.
  std::uint64_t* waited = nullptr;
};

}  // namespace crossdock::device
