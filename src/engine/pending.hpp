// A call between send and receive, of any backend.
#pragma once

namespace crossdock::engine {

struct Pending {
  Pending() = default;
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  /// A pending call that is dropped counts as received.
  virtual ~Pending() = default;
};

}  // namespace crossdock::engine
