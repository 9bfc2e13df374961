// Memory that this process may still use.
#pragma once

#include <cstdint>
#include <string>

namespace crossdock::tools {

struct FreeMemory {
  std::int64_t bytes = 0;
  std::string bound;  ///< what sets it: "MemAvailable" or the cgroup's limit
};

/// The least of MemAvailable and what the cgroup (version 2 or 1) leaves.
FreeMemory free_memory();

}  // namespace crossdock::tools
