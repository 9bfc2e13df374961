#include "base/limits.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/control_groups.hpp"

namespace crossdock::base {
namespace {

/// Nothing where there is no limit.
std::optional<std::uint64_t> soft_limit(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::nullopt;
  }
  return limit.rlim_cur;
}

std::string describe_limit(int resource, const char* name, const char* option) {
  const auto limit = soft_limit(resource);
  return limit ? fmt::format("; {} is {} (ulimit -{})", name, *limit, option) : std::string();
}

/// Bytes of this process: all that is mapped, and what RLIMIT_DATA counts.
struct MappedBytes {
  std::uint64_t all = 0;
  std::uint64_t data = 0;
};

MappedBytes mapped_bytes() {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t pages[6] = {};  // size resident shared text library data
  std::ifstream statm("/proc/self/statm");
  for (std::uint64_t& count : pages) statm >> count;
  return {.all = pages[0] * page, .data = pages[5] * page};
}

std::string describe_bytes(int resource, const char* name, const char* option, std::uint64_t used, std::size_t bytes) {
  const auto limit = soft_limit(resource);
  if (!limit || (bytes != 0 && used + bytes <= *limit)) return {};
  return fmt::format("; {} is {} bytes, {} are in use (ulimit -{})", name, *limit, used, option);
}

std::string describe_maps() {
  std::ifstream maps("/proc/self/maps");
  const auto count = static_cast<std::uint64_t>(
      std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n'));
  const std::uint64_t most = static_cast<std::uint64_t>(number_in("/proc/sys/vm/max_map_count").value_or(0));
  // The kernel wants room for one to be split.
  if (most == 0 || count + 2 < most) return {};
  return fmt::format("; vm.max_map_count is {}, {} are in use (sysctl vm.max_map_count)", most, count);
}

std::string describe_overcommit() {
  if (number_in("/proc/sys/vm/overcommit_memory") != 2) return {};
  return "; vm.overcommit_memory is 2: what is reserved counts as used (sysctl vm.overcommit_memory)";
}

}  // namespace

std::string limit_behind(int error_number) {
  switch (error_number) {
    case EMFILE:
      return describe_limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", "n");
    case ENFILE:
      return fmt::format("; fs.file-max is {} (sysctl fs.file-max)", number_in("/proc/sys/fs/file-max").value_or(0));
    case EFBIG:
      return describe_limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", "f");
    case ENOMEM:
      return memory_limit_behind(0);
    case EPERM:
    case ENOSYS:
      return "; a container's seccomp filter may refuse the call, or the kernel is too old";
    default:
      return {};
  }
}

std::string memory_limit_behind(std::size_t bytes) {
  const MappedBytes mapped = mapped_bytes();
  return describe_bytes(RLIMIT_AS, "RLIMIT_AS", "v", mapped.all, bytes) +
         describe_bytes(RLIMIT_DATA, "RLIMIT_DATA", "d", mapped.data, bytes) + describe_maps() + describe_overcommit();
}

std::string thread_limit_behind() {
  std::string text = describe_limit(RLIMIT_NPROC, "RLIMIT_NPROC", "u") + memory_limit_behind(0);
  for (const ControlGroup& group : control_groups("pids")) {
    const auto most = number_in(group.folder / "pids.max");
    if (!most) continue;
    text += fmt::format("; pids.max of {} is {}, {} are in use", group.folder.string(), *most,
                        number_in(group.folder / "pids.current").value_or(0));
  }
  return text;
}

Error out_of_memory(const std::string& what) {
  return {ErrorCode::kSystem, fmt::format("{}: no memory was left{}", what, memory_limit_behind(0))};
}

}  // namespace crossdock::base
