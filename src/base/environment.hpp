// The only place that reads environment variables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crossdock::base {

/// Also where it is empty.
bool environment_has(const char* name);

/// Nothing where the variable is unset or empty.
std::optional<std::string> environment_text(const char* name);

/// Throws Error where the text is not an integer of [low, high].
std::optional<std::int64_t> environment_integer(const char* name, std::int64_t low, std::int64_t high);

}  // namespace crossdock::base
