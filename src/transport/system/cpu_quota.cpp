#include "transport/system/cpu_quota.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace crossdock::transport {
namespace {

/// A mounted hierarchy of control groups that shares out CPU time.
struct Hierarchy {
  bool version_2 = false;
  std::string root;             ///< the group that is seen at the mount point
  std::filesystem::path mount;  ///< the mount point
};

bool has_item(const std::string& list, const std::string& wanted) {
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) {
    if (item == wanted) return true;
  }
  return false;
}

/// A line of mountinfo: "id parent device root mount options [tag ...] - type source options".
std::optional<Hierarchy> parse_mount(const std::string& line) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos) return std::nullopt;
  std::istringstream before(line.substr(0, dash));
  std::istringstream after(line.substr(dash + 3));
  std::string ignored;
  std::string root;
  std::string mount;
  std::string type;
  std::string options;
  before >> ignored >> ignored >> ignored >> root >> mount;
  after >> type >> ignored >> options;
  if (type == "cgroup2") return Hierarchy{.version_2 = true, .root = root, .mount = mount};
  if (type == "cgroup" && has_item(options, "cpu")) return Hierarchy{.version_2 = false, .root = root, .mount = mount};
  return std::nullopt;
}

/// The process's group in the hierarchy; lines are "number:controllers:path", version 2 has no controllers.
std::optional<std::string> group_in(const Hierarchy& hierarchy, const std::filesystem::path& process) {
  std::ifstream lines(process / "cgroup");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_it = hierarchy.version_2 ? controllers.empty() : has_item(controllers, "cpu");
    if (is_it) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The group's folder relative to the mount point; empty where it cannot be seen from there.
std::filesystem::path below_mount(const Hierarchy& hierarchy, const std::string& group) {
  std::filesystem::path relative = std::filesystem::path(group).lexically_relative(hierarchy.root).lexically_normal();
  if (relative.empty() || *relative.begin() == ".." || *relative.begin() == ".") return {};
  return relative;
}

/// Both numbers of a quota, in microseconds; nothing where there is no limit: "max" and -1 are none.
struct Time {
  std::int64_t quota = 0;
  std::int64_t period = 0;
};
std::optional<Time> time_of(const Hierarchy& hierarchy, const std::filesystem::path& folder) {
  Time time;
  if (hierarchy.version_2) {
    std::ifstream(folder / "cpu.max") >> time.quota >> time.period;
  } else {
    std::ifstream(folder / "cpu.cfs_quota_us") >> time.quota;
    std::ifstream(folder / "cpu.cfs_period_us") >> time.period;
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  if (time.quota <= 0 || time.quota > kMost || time.period <= 0) return std::nullopt;
  return time;
}

void add_quota(const Hierarchy& hierarchy, const std::filesystem::path& folder, std::vector<CpuQuota>& quotas) {
  const std::optional<Time> time = time_of(hierarchy, folder);
  struct stat facts{};
  if (!time || ::stat(folder.c_str(), &facts) != 0) return;
  quotas.push_back(
      {.device = facts.st_dev,
       .folder = facts.st_ino,
       .thousandths = static_cast<std::uint64_t>(std::max<std::int64_t>(1, time->quota * 1000 / time->period))});
}

}  // namespace

std::vector<CpuQuota> cpu_quotas(const std::filesystem::path& process) {
  std::vector<CpuQuota> quotas;
  std::ifstream mounts(process / "mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const std::optional<Hierarchy> hierarchy = parse_mount(line);
    const std::optional<std::string> group = hierarchy ? group_in(*hierarchy, process) : std::nullopt;
    if (!group) continue;
    std::filesystem::path folder = hierarchy->mount;
    add_quota(*hierarchy, folder, quotas);
    for (const std::filesystem::path& name : below_mount(*hierarchy, *group)) {
      add_quota(*hierarchy, folder /= name, quotas);
    }
  }
  return quotas;
}

}  // namespace crossdock::transport
