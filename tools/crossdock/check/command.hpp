// crossdock check: random cases against the reference.
#pragma once

#include <cstdint>
#include <optional>

namespace crossdock::tools::check {

struct CheckOptions {
  std::uint64_t seed = 1;
  std::int64_t cases = 100;
  std::optional<std::int64_t> only = {};  ///< one case instead of [0, cases)
  bool threads = true;
  bool processes = true;
};

/// Stops at the first case that fails. Returns the exit code.
int run_check(const CheckOptions& options);

}  // namespace crossdock::tools::check
