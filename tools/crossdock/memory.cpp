#include "memory.hpp"

#include <fstream>
#include <optional>
#include <utility>

namespace crossdock::tools {
namespace {

/// Nothing where the file is missing or says "max".
std::optional<std::int64_t> number_in(const char* path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

std::int64_t memory_available() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::string unit;
  std::int64_t kilobytes = 0;
  while (file >> name >> kilobytes && std::getline(file, unit)) {
    if (name == "MemAvailable:") return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

FreeMemory free_memory() {
  FreeMemory memory{.bytes = memory_available(), .bound = "MemAvailable"};
  static constexpr std::pair<const char*, const char*> kLimits[] = {
      {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}};
  for (const auto& [limit_path, used_path] : kLimits) {
    const auto limit = number_in(limit_path);
    const auto used = number_in(used_path);
    if (limit && used && *limit - *used < memory.bytes) memory = {.bytes = *limit - *used, .bound = limit_path};
  }
  return memory;
}

}  // namespace crossdock::tools
