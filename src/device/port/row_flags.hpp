// Tags beside the rows of latency mode: a row, or a part of one, is here once its flag has the call's tag.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/host_device.hpp"
#include "base/math.hpp"

namespace crossdock::device {

/// A flag has a line of its own: few look at it.
inline constexpr std::size_t kFlagBytes = 128;

/// Channels of a row of combine that travel under one flag.
inline constexpr int kSumChannels = 512;
CROSSDOCK_HD constexpr int parts_of_row(int hidden) { return base::div_up(hidden, kSumChannels); }

/// Offset of a flag behind the first one. `row`: source * T_max + token; a row of dispatch is one part.
CROSSDOCK_HD constexpr std::uint64_t flag_offset(std::int64_t row, int part, int parts) {
  return static_cast<std::uint64_t>(row * parts + part) * kFlagBytes;
}

}  // namespace crossdock::device
