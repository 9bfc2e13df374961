#include "device/sync/report.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace crossdock::device {

Error deadline_error(const WaitReport& report) {
  static constexpr std::array<const char*, 3> kOperations{"routing", "dispatch", "combine"};
  static constexpr std::array<const char*, 5> kPhases{"blocks", "announce", "arrive", "ready", "read"};
  const std::string operation = kOperations.at(static_cast<std::size_t>(report.operation));
  const std::string phase = kPhases.at(static_cast<std::size_t>(report.phase));
  return {ErrorCode::kDeadlineExceeded,
          fmt::format("{}, rank {}: rank {} did not answer in phase {}: expected tag {}, got {}", operation,
                      report.rank, report.peer, phase, report.expected, report.observed),
          {.operation = operation,
           .phase = phase,
           .rank = report.rank,
           .peer = report.peer,
           .expected = static_cast<std::int64_t>(report.expected),
           .observed = static_cast<std::int64_t>(report.observed)}};
}

}  // namespace crossdock::device
