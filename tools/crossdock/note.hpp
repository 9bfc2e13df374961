// Words on stderr: what is being done, and what went wrong.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace crossdock::tools {

/// A line. Where stderr cannot be written there is nobody to tell: results and exit codes stay what they are.
template <typename... Values>
void print_note(fmt::format_string<Values...> format, Values&&... values) {
  std::fputs((fmt::format(format, std::forward<Values>(values)...) + "\n").c_str(), stderr);
}

}  // namespace crossdock::tools
