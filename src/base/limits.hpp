// Which limit of a shell, a container or the system lies behind a refusal; for messages.
#pragma once

#include <cstddef>
#include <string>

#include "crossdock/error.hpp"

namespace crossdock::base {

// All of them are empty where no limit is known to be the reason, else "; <limit> is <value> (<remedy>)".

/// Of a call that failed with that errno.
std::string limit_behind(int error_number);
/// Of memory: limits that `bytes` more would break; 0: all that are set.
std::string memory_limit_behind(std::size_t bytes);
/// Of threads and processes.
std::string thread_limit_behind();

/// For a std::bad_alloc of `what`. kSystem.
Error out_of_memory(const std::string& what);

}  // namespace crossdock::base
