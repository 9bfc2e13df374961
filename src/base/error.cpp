#include "crossdock/error.hpp"

#include <fmt/format.h>

#include <array>

namespace crossdock {

std::string_view name_of(ErrorCode code) {
  static constexpr std::array<std::string_view, 10> kNames{
      "InvalidArgument",  "OptionsMismatch", "RejectedByPeer",   "InvalidHandle", "WindowTooSmall",
      "CapacityExceeded", "RankLost",        "DeadlineExceeded", "Aborted",       "System"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "unknown";
}

std::string describe(const Report& report) {
  return fmt::format("operation={} phase={} rank={} peer={} channel={} epoch={} expected={} observed={}",
                     report.operation, report.phase, report.rank, report.peer, report.channel, report.epoch,
                     report.expected, report.observed);
}

Error::Error(ErrorCode code, const std::string& message, Report report)
    : std::runtime_error(fmt::format("{}: {}", name_of(code), message)), code_(code), report_(std::move(report)) {}

std::string_view Error::message() const noexcept { return std::string_view(what()).substr(name_of(code_).size() + 2); }

}  // namespace crossdock
