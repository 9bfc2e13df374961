#include "base/memory_bound.hpp"

#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include "base/control_groups.hpp"

namespace crossdock {
namespace base {
namespace {

/// Lines of "name number [unit]".
std::int64_t field_of(const std::filesystem::path& path, const std::string& wanted) {
  std::ifstream file(path);
  std::string name;
  std::string rest;
  for (std::int64_t value = 0; file >> name >> value && std::getline(file, rest);) {
    if (name == wanted) return value;
  }
  return 0;
}

/// From a system call: /proc may be closed to this process, or no descriptor be left for it.
struct SystemMemory {
  std::int64_t total = std::numeric_limits<std::int64_t>::max();
  std::int64_t free = std::numeric_limits<std::int64_t>::max();
};

SystemMemory system_memory() {
  struct sysinfo facts{};
  if (::sysinfo(&facts) != 0) return {};
  const auto unit = static_cast<std::int64_t>(facts.mem_unit);
  return {.total = static_cast<std::int64_t>(facts.totalram + facts.totalswap) * unit,
          .free = static_cast<std::int64_t>(facts.freeram) * unit};
}

FreeMemory available_memory() {
  const std::int64_t bytes = field_of("/proc/meminfo", "MemAvailable:") * 1024;
  if (bytes > 0) return {.bytes = bytes, .bound = "MemAvailable"};
  return {.bytes = system_memory().free, .bound = "MemFree"};
}

std::int64_t file_pages(const ControlGroup& group) {
  const std::string prefix = group.version_2 ? "" : "total_";  // version 1: without it only the group's own
  const std::filesystem::path stat = group.folder / "memory.stat";
  return field_of(stat, prefix + "inactive_file") + field_of(stat, prefix + "active_file");
}

std::int64_t taken_in(const ControlGroup& group) {
  const auto used = number_in(group.folder / (group.version_2 ? "memory.current" : "memory.usage_in_bytes"));
  return std::max<std::int64_t>(used.value_or(0) - file_pages(group), 0);
}

/// The smallest of `memory` and what the groups leave after `is_taken`.
template <typename Taken>
FreeMemory bounded(FreeMemory memory, const std::filesystem::path& process, Taken&& is_taken) {
  for (const ControlGroup& group : control_groups("memory", process)) {
    const std::filesystem::path path = group.folder / (group.version_2 ? "memory.max" : "memory.limit_in_bytes");
    const std::optional<std::int64_t> limit = number_in(path);
    if (!limit) continue;
    const std::int64_t bytes = std::max<std::int64_t>(*limit - is_taken(group), 0);
    if (bytes < memory.bytes) memory = {.bytes = bytes, .bound = path.string()};
  }
  return memory;
}

}  // namespace

FreeMemory whole_memory(const std::filesystem::path& process) {
  return bounded({.bytes = system_memory().total, .bound = "MemTotal and SwapTotal"}, process,
                 [](const ControlGroup&) { return std::int64_t{0}; });
}

FreeMemory free_memory(const std::filesystem::path& process) { return bounded(available_memory(), process, taken_in); }

}  // namespace base

FreeMemory free_memory() { return base::free_memory("/proc/self"); }

}  // namespace crossdock
