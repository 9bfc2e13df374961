// The only place of the program that reads or writes environment variables.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace crossdock::tools {

/// Nothing where the variable is unset or empty.
std::optional<std::string> environment_text(const char* name);

/// For libraries that read it later. Only while there is one thread.
void set_where_unset(const char* name, const char* value);

/// Of the variables of launchers that World::from_environment reads those that say most, where they are set.
std::vector<std::pair<std::string, std::string>> launcher_variables();

/// What a command that replays a run has to begin with: "CROSSDOCK_FLIP_BIT=3 " where it is set in a build with
/// CROSSDOCK_FAULT_INJECTION, else nothing.
std::string replay_prefix();

}  // namespace crossdock::tools
