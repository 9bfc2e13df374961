#include "base/control_groups.hpp"

#include <fstream>
#include <optional>
#include <sstream>

namespace crossdock::base {
namespace {

bool has_item(const std::string& list, const std::string& wanted) {
  std::istringstream items(list);
  for (std::string item; std::getline(items, item, ',');) {
    if (item == wanted) return true;
  }
  return false;
}

/// A mounted hierarchy: `root` is the group that is seen at the mount point.
struct Hierarchy {
  bool version_2 = false;
  std::string root = {};
  std::filesystem::path mount = {};
};

/// A line of mountinfo: "id parent device root mount options [tag ...] - type source options".
std::optional<Hierarchy> parse_mount(const std::string& line, const std::string& controller) {
  const std::size_t dash = line.find(" - ");
  if (dash == std::string::npos || line.compare(dash + 3, 6, "cgroup") != 0) return std::nullopt;
  std::istringstream before(line.substr(0, dash));
  std::istringstream after(line.substr(dash + 3));
  std::string skipped;
  std::string root;
  std::string mount;
  before >> skipped >> skipped >> skipped >> root >> mount;
  std::string type;
  std::string options;
  after >> type >> skipped >> options;
  if (type == "cgroup2") return Hierarchy{.version_2 = true, .root = root, .mount = mount};
  if (type != "cgroup" || !has_item(options, controller)) return std::nullopt;
  return Hierarchy{.version_2 = false, .root = root, .mount = mount};
}

/// The process's group in the hierarchy: lines are "number:controllers:path", version 2 names no controllers.
std::optional<std::string> group_in(bool version_2, const std::string& controller,
                                    const std::filesystem::path& process) {
  std::ifstream lines(process / "cgroup");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version_2 ? controllers.empty() : has_item(controllers, controller)) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// Names of the folders from the mount point down to the group; none where the group lies elsewhere.
std::filesystem::path below_mount(const Hierarchy& hierarchy, const std::string& group) {
  auto relative = std::filesystem::path(group).lexically_relative(hierarchy.root).lexically_normal();
  if (relative.empty() || *relative.begin() == ".." || *relative.begin() == ".") return {};
  return relative;
}

}  // namespace

std::vector<ControlGroup> control_groups(const std::string& controller, const std::filesystem::path& process) {
  std::vector<ControlGroup> groups;
  std::ifstream mounts(process / "mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const std::optional<Hierarchy> hierarchy = parse_mount(line, controller);
    if (!hierarchy) continue;
    const std::optional<std::string> group = group_in(hierarchy->version_2, controller, process);
    if (!group) continue;
    std::filesystem::path folder = hierarchy->mount;
    groups.push_back({.version_2 = hierarchy->version_2, .folder = folder});
    for (const std::filesystem::path& name : below_mount(*hierarchy, *group)) {
      groups.push_back({.version_2 = hierarchy->version_2, .folder = folder /= name});
    }
  }
  return groups;
}

std::optional<std::int64_t> number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::int64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

}  // namespace crossdock::base
