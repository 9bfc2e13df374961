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

/// What an Error about a call has to say.
struct CallFacts {
  const char* operation = "";
  Agreement agreement = {};
  std::int64_t epoch = 0;
};

/// Any thread.
class Outcomes {
 public:
  explicit Outcomes(HostWords& words) : words_(words), facts_(kOutcomeRing + kCapturedOutcomes) {}

  /// A place for the outcome of the next call. Throws Error where too many calls were captured.
  device::CallOutcome* take(const CallFacts& facts, bool captured);

  /// True once the kernel has written it.
  static bool is_written(const device::CallOutcome& outcome);
  /// The Error of the first call found that has failed and has not been told yet. A wait that gave up is told by the
  /// report, not here.
  std::optional<Error> next_failure(const Context& host);
  /// A new epoch: calls of the old one are forgotten.
  void forget();

 private:
  HostWords& words_;
  std::mutex mutex_;
  std::vector<CallFacts> facts_;
  std::size_t next_ = 0;
  std::size_t captured_ = 0;
};

}  // namespace crossdock::engine::cuda
