#include "device/sync/report.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

namespace crossdock::device {
namespace {

constexpr std::array<const char*, 3> kOperations{"routing", "dispatch", "combine"};
constexpr std::array<const char*, 10> kPhases{"blocks", "announce", "rows",    "weights", "ready",
                                              "read",   "release",  "arrival", "abort",   "topk_idx"};

Report report_of(const WaitReport& report) {
  return {.operation = kOperations.at(static_cast<std::size_t>(report.operation)),
          .phase = kPhases.at(static_cast<std::size_t>(report.phase)),
          .rank = report.rank,
          .peer = report.peer,
          .expected = static_cast<std::int64_t>(report.expected),
          .observed = static_cast<std::int64_t>(report.observed)};
}

}  // namespace

Error error_of(const WaitReport& report) {
  const Report words = report_of(report);
  if (report.phase == Phase::kIndex) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("{}, rank {}: topk_idx: expected -1 or an expert of {}, got {}", words.operation, report.rank,
                        words.expected, words.observed),
            words};
  }
  if (report.phase == Phase::kAborted) {
    return {ErrorCode::kAborted,
            fmt::format("{}, rank {}: rank {} gave up on the epoch", words.operation, report.rank, report.peer), words};
  }
  return {ErrorCode::kDeadlineExceeded,
          fmt::format("{}, rank {}: rank {} did not answer in phase {}: expected tag {}, got {}", words.operation,
                      report.rank, report.peer, words.phase, words.expected, words.observed),
          words};
}

}  // namespace crossdock::device
