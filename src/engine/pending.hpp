// A call between send and receive, of any backend.
#pragma once

#include <cstdint>

namespace crossdock::engine {

struct Pending {
  Pending() = default;
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  /// A pending call that is dropped counts as received.
  virtual ~Pending() = default;

  std::uint64_t engine = 0;  ///< identity of the one that made it
};

}  // namespace crossdock::engine
