// A wait that gives up: its limit, and what it leaves behind.
#pragma once

#include <cstdint>

namespace crossdock::device {

enum class Operation : std::int32_t { kRouting, kDispatch, kCombine };
enum class Phase : std::int32_t { kBlocks, kAnnounce, kArrive, kReady, kRead };

/// In memory that the host reads while kernels run. The first wait that gives up fills it.
struct WaitReport {
  std::uint64_t written = 0;  ///< 1 once the fields below are complete
  Operation operation = Operation::kDispatch;
  Phase phase = Phase::kBlocks;
  std::int32_t rank = -1;
  std::int32_t peer = -1;
  std::uint64_t expected = 0;  ///< tag
  std::uint64_t observed = 0;
};

struct WaitLimit {
  const std::uint64_t* nanoseconds = nullptr;  ///< read while waiting: captured graphs follow changes; host or device
  WaitReport* report = nullptr;
  /// Device memory of this rank, 0 at the start. Not 0 = some wait of this rank gave up: all others do so at once.
  std::uint32_t* gave_up = nullptr;
};

}  // namespace crossdock::device
