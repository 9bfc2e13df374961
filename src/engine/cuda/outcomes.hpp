// How the calls on the GPU ended, for a host that does not wait for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/context.hpp"
#include "engine/control.hpp"
#include "engine/cuda/device_state.hpp"

namespace crossdock::engine::cuda {

/// Where the text of a rejection lies in the peers' windows: rejections in a row have places of their own.
constexpr int rejection_slot(std::int64_t sequence) { return static_cast<int>(sequence % kNumSlots); }

/// What an Error about a call has to say.
struct CallFacts {
  const char* operation = "";
  Agreement agreement = {};
  std::int64_t epoch = 0;
  std::int64_t sequence = 0;
};

/// Any thread.
class Outcomes {
 public:
  explicit Outcomes(HostWords& words) : words_(words), calls_(kOutcomeRing + kCapturedOutcomes) {}

  /// A place for the outcome of the next call; `awaited`: its receive tells how it ended. Throws Error where too many
  /// calls were captured.
  device::CallOutcome* take(const CallFacts& facts, bool captured, bool awaited);
  /// Nobody will receive that call.
  void let_go(const device::CallOutcome& outcome);

  /// True once the kernel has written how the call ended; a wait that gave up is told by the report, not here.
  static bool has_ended(const device::CallOutcome& outcome);
  /// The Error of a call that has ended, or nothing.
  std::optional<Error> failure_of(const device::CallOutcome& outcome, const Context& host);
  /// The Error of the first call found that has failed and has not been told yet, but for those that are awaited.
  std::optional<Error> next_failure(const Context& host);
  /// A new epoch: calls of the old one are forgotten.
  void forget();

 private:
  /// What the host knows of the call at each place.
  struct Call {
    CallFacts facts = {};
    bool awaited = false;
    std::uint64_t told = 0;  ///< tag of the failure that was told last: a captured call may fail at each replay
  };

  Call& call_of(const device::CallOutcome& outcome) {
    return calls_[static_cast<std::size_t>(&outcome - words_.outcomes)];
  }

  HostWords& words_;
  std::mutex mutex_;
  std::vector<Call> calls_;
  std::size_t next_ = 0;
  std::size_t captured_ = 0;
};

}  // namespace crossdock::engine::cuda
