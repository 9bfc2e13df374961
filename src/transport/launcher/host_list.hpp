// Slurm's lists of hosts: "login,node[001-003,007]".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace crossdock::transport {

struct HostList {
  std::string first = {};
  std::int64_t num_hosts = 0;  ///< a host that is named twice counts twice, as it does for Slurm
};

/// Slurm's own limit, of a range.
inline constexpr std::int64_t kMaxHostsOfRange = 65'536;

/// Hosts are separated by commas outside brackets. Brackets hold numbers and ranges of numbers, whose leading zeros are
/// kept; a name may have several of them, and text between and behind them: the list then has every combination, the
/// one of all first numbers first. Throws Error (kInvalidArgument) that begins with `what` where the text is no such
/// list, or where a range has too many hosts. Pure.
HostList parse_host_list(std::string_view text, std::string_view what);

}  // namespace crossdock::transport
