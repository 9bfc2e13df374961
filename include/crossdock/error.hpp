// The one exception of the library, and the facts behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace crossdock {

enum class ErrorCode : std::uint8_t {
  kInvalidArgument,   ///< an input of this rank is wrong; nothing was sent
  kOptionsMismatch,   ///< ranks passed different options or configurations to one collective call
  kRejectedByPeer,    ///< another rank rejected its own call; the message says why
  kInvalidHandle,     ///< a handle of another group or of another epoch
  kWindowTooSmall,    ///< the window has no room for the result
  kCapacityExceeded,  ///< more rows would arrive than max_recv_rows; Report::expected is what was needed
  kRankLost,          ///< a rank's process is gone, or it left the group
  kDeadlineExceeded,  ///< a rank did not answer in time
  kAborted,           ///< Group::abort was called on some rank
  kSystem,            ///< the operating system refused (message has errno's text)
};
std::string_view name_of(ErrorCode code);

/// What was being waited for when something went wrong. Fields that do not apply are -1.
struct Report {
  std::string operation = {};  ///< "dispatch", "combine", "bootstrap", ...
  std::string phase = {};      ///< "request", "reply", "rows", "ready", "read", ...
  int rank = -1;               ///< the rank that reports
  int peer = -1;               ///< the rank that is at fault
  int channel = -1;            ///< the slot of the operation
  std::int64_t epoch = -1;
  std::int64_t expected = -1;  ///< sequence number awaited; for capacity and window errors: rows or bytes needed
  std::int64_t observed = -1;  ///< sequence number last seen; for capacity and window errors: what there is
};

/// "operation=dispatch phase=reply rank=0 peer=3 ...": one line, for logs.
std::string describe(const Report& report);

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, Report report = {});

  ErrorCode code() const noexcept { return code_; }
  /// what() without the name of the code before it.
  std::string_view message() const noexcept;
  const Report& report() const noexcept { return report_; }

 private:
  ErrorCode code_;
  Report report_;
};

}  // namespace crossdock
