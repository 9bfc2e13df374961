// How the calls on the GPU ended, for a host that does not wait for them.
#pragma once

#include <array>
#include <string>
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

class Outcomes {
 public:
  explicit Outcomes(HostWords& words) : words_(words), facts_(kOutcomeRing + kCapturedOutcomes) {}

  /// A place for the outcome of the next call. Throws Error where too many calls were captured.
  device::CallOutcome* take(const CallFacts& facts, bool captured);

  /// True once the kernel has written it.
  static bool is_written(const device::CallOutcome& outcome);
  /// Throws where the call was rejected; a wait that gave up is not told here but by the report.
  void raise(const device::CallOutcome& outcome, const Context& host) const;
  /// The same for every call that has ended since the last time; each throws once.
  void raise_new(const Context& host);
  /// A new epoch: calls of the old one are forgotten.
  void forget();

 private:
  static void raise(const device::CallOutcome& outcome, const CallFacts& facts, const Context& host);

  HostWords& words_;
  std::vector<CallFacts> facts_;
  std::int64_t next_ = 0;
  std::int64_t looked_at_ = 0;  ///< calls of the ring before it have been looked at
  int captured_ = 0;
};

}  // namespace crossdock::engine::cuda
