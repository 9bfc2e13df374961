// How much memory the processes here may take: the machine's, or less where a control group says so.
#pragma once

#include <filesystem>

#include "crossdock/config.hpp"

namespace crossdock::base {

/// What could be taken if nobody else took any: memory and swap of the machine, or memory.max of a group.
FreeMemory whole_memory(const std::filesystem::path& process = "/proc/self");

/// What is free of it now. Pages of files that could be dropped count as free.
FreeMemory free_memory(const std::filesystem::path& process = "/proc/self");

}  // namespace crossdock::base
