// crossdock info: what is here, and what the library can use of it.
#pragma once

#include <string>

namespace crossdock::tools {

/// Everything, as text. `version` is the library's.
std::string describe_machine(const std::string& version);

}  // namespace crossdock::tools
