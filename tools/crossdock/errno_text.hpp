// What the operating system said.
#pragma once

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace crossdock::tools {

/// Of a soft limit: "; RLIMIT_NOFILE is 16 (ulimit -n)".
inline std::string limit_text(__rlimit_resource_t resource, const char* name, const char* option) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  return fmt::format("; {} is {} (ulimit -{})", name, limit.rlim_cur, option);
}

/// Of errno, with the limit that lies behind it.
inline std::string errno_text() {
  const int number = errno;
  std::string text = std::system_category().message(number);
  if (number == EMFILE) text += limit_text(RLIMIT_NOFILE, "RLIMIT_NOFILE", "n");
  return text;
}

/// Of a process or a thread that was refused.
inline std::string process_limit_text() {
  return limit_text(RLIMIT_NPROC, "RLIMIT_NPROC", "u") + "; a container's pids.max may be lower";
}

}  // namespace crossdock::tools
