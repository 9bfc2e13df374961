// Small integer arithmetic.
#pragma once

#include "base/host_device.hpp"

namespace crossdock::base {

template <typename Int>
CROSSDOCK_HD constexpr Int div_up(Int value, Int divisor) {
  return (value + divisor - 1) / divisor;
}

/// The next multiple of `multiple` that is not below `value`.
template <typename Int>
CROSSDOCK_HD constexpr Int round_up(Int value, Int multiple) {
  return div_up(value, multiple) * multiple;
}

}  // namespace crossdock::base
