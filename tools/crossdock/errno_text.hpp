// What the operating system said.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace crossdock::tools {

inline std::string errno_text() { return std::system_category().message(errno); }

}  // namespace crossdock::tools
