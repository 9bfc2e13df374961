// The control groups of this process: what a container or a batch system sets limits with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace crossdock::base {

struct ControlGroup {
  bool version_2 = false;
  std::filesystem::path folder = {};  ///< holds the limits' files
};

/// The process's group for a controller ("memory", "pids") and all groups above it that can be seen, the outermost
/// first, of version 1 and 2. Nothing where there are none. `process` holds the files "cgroup" and "mountinfo" of
/// proc(5).
std::vector<ControlGroup> control_groups(const std::string& controller,
                                         const std::filesystem::path& process = "/proc/self");

/// A limit or a count that a file of the system holds; nothing where the file is missing or says "max".
std::optional<std::int64_t> number_in(const std::filesystem::path& path);

}  // namespace crossdock::base
