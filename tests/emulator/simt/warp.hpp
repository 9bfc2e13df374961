// What the lanes of a warp do together: each call with a mask is a meeting, over when all lanes of the mask came.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <source_location>

namespace crossdock::emulator {

inline constexpr unsigned kWarpLanes = 32;

/// What each lane brought, by lane; of lanes that did not come 0.
using LaneWords = std::array<std::uint64_t, kWarpLanes>;

class Warp {
 public:
  struct Meeting {
    std::uint32_t mask = 0;
    std::uint32_t came = 0;
    std::uint32_t left = 0;
    bool is_over = false;
    LaneWords words = {};
    std::source_location where;
  };

  explicit Warp(unsigned num_lanes);

  /// A lane comes with a word. Lanes of a mask have to meet at one place of the source: anything else is divergence
  /// that no GPU allows.
  Meeting& join(std::uint32_t mask, unsigned lane, std::uint64_t word, const std::source_location& where);
  /// A lane goes on, with what all brought.
  LaneWords leave(Meeting& meeting, unsigned lane);
  /// The lane has ended. Returns the lanes whose meeting is over without it.
  std::uint32_t end_lane(unsigned lane);

  /// Where lanes wait, for reports.
  const std::list<Meeting>& meetings() const { return meetings_; }

 private:
  Meeting& meeting_of(std::uint32_t mask, unsigned lane, const std::source_location& where);

  std::uint32_t live_;  ///< lanes that exist and have not ended
  std::list<Meeting> meetings_;
};

}  // namespace crossdock::emulator
