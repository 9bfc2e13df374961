// Where rows of latency mode arrive, and how they travel: in parts, each for one warp of the receiver.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/host_device.hpp"
#include "base/math.hpp"

namespace crossdock::device {

/// Every byte of a word that nobody has written: a NaN in all types. A word that differs is here, so rows need no
/// signal, and no fence before one.
inline constexpr int kEmptyByte = 0xFF;

/// Calls of a slot take turns at two areas: one is read and made empty while the other one is written.
inline constexpr int kTurns = 2;
CROSSDOCK_HD constexpr int turn_of(std::uint64_t tag) { return static_cast<int>(tag % kTurns); }

/// Offsets in every window, for the first turn; those of the other one are `turn_bytes` behind. Rows: source * T_max +
/// token.
struct LatencyArea {
  std::uint64_t x = 0;           ///< [rows, row bytes]; the first part of the area
  std::uint64_t scales = 0;      ///< dispatch: uint32 [rows, scale words]
  std::uint64_t selections = 0;  ///< dispatch: uint64 [rows, parts of a row + 1, K], the same for each part
  std::uint64_t marks = 0;       ///< uint64 [rows] of a dispatch, [rows, parts of a row] of a combine
  std::uint64_t turn_bytes = 0;
};

/// Bytes of a dispatched row that a warp receives together.
inline constexpr int kPartBytes = 7 * 32 * 16;
CROSSDOCK_HD constexpr int parts_of_bytes(int row_bytes) { return base::div_up(row_bytes, kPartBytes); }

/// Channels of a row of combine that a warp adds together.
inline constexpr int kSumChannels = 512;
CROSSDOCK_HD constexpr int parts_of_row(int hidden) { return base::div_up(hidden, kSumChannels); }

}  // namespace crossdock::device
