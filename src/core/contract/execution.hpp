// Where a call runs: what can be told without the GPU.
#pragma once

#include <fmt/format.h>

#include "core/contract/reject.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::core {

/// Rejects a negative number of SMs, also where no SM will be taken. How many there are is the backend's to know.
inline void check_execution(const Caller& caller, const Execution& execution) {
  if (execution.num_sms >= 0) return;
  reject(caller, "execution.num_sms", "at least 0", fmt::format("{}", execution.num_sms));
}

}  // namespace crossdock::core
