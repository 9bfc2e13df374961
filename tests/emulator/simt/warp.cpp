#include "simt/warp.hpp"

#include <fmt/format.h>

#include <cstring>

#include "simt/fail.hpp"

namespace crossdock::emulator {
namespace {

bool is_same(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

}  // namespace

Warp::Warp(unsigned num_lanes) : live_(num_lanes >= kWarpLanes ? ~0U : (1U << num_lanes) - 1) {}

Warp::Meeting& Warp::join(std::uint32_t mask, unsigned lane, std::uint64_t word, const std::source_location& where) {
  if ((mask >> lane & 1U) == 0) fail(fmt::format("lane {} is not in its own mask {:#010x}", lane, mask));
  Meeting& meeting = meeting_of(mask, lane, where);
  meeting.came |= 1U << lane;
  meeting.words[lane] = word;
  meeting.is_over = (mask & live_ & ~meeting.came) == 0;
  return meeting;
}

Warp::Meeting& Warp::meeting_of(std::uint32_t mask, unsigned lane, const std::source_location& where) {
  for (Meeting& meeting : meetings_) {
    if (meeting.is_over || (meeting.mask & mask) == 0) continue;
    if (meeting.mask != mask || !is_same(meeting.where, where)) {
      fail(fmt::format("the warp has diverged: lane {} with mask {:#010x} at {}:{}, others with mask {:#010x} at {}:{}",
                       lane, mask, where.file_name(), where.line(), meeting.mask, meeting.where.file_name(),
                       meeting.where.line()));
    }
    return meeting;
  }
  return meetings_.emplace_back(Meeting{.mask = mask, .where = where});
}

LaneWords Warp::leave(Meeting& meeting, unsigned lane) {
  const LaneWords words = meeting.words;
  meeting.left |= 1U << lane;
  if (meeting.left == meeting.came) {
    meetings_.remove_if([&](const Meeting& other) { return &other == &meeting; });
  }
  return words;
}

std::uint32_t Warp::end_lane(unsigned lane) {
  live_ &= ~(1U << lane);
  std::uint32_t freed = 0;
  for (Meeting& meeting : meetings_) {
    if (meeting.is_over || (meeting.mask & live_ & ~meeting.came) != 0) continue;
    meeting.is_over = true;
    freed |= meeting.came;
  }
  return freed;
}

}  // namespace crossdock::emulator
