#include "transport/system/cpu_quota.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "base/control_groups.hpp"

namespace crossdock::transport {
namespace {

/// Both numbers of a quota, in microseconds; nothing where there is no limit: "max" and -1 are none.
struct Time {
  std::int64_t quota = 0;
  std::int64_t period = 0;
};
std::optional<Time> time_of(const base::ControlGroup& group) {
  Time time;
  if (group.version_2) {
    std::ifstream(group.folder / "cpu.max") >> time.quota >> time.period;
  } else {
    std::ifstream(group.folder / "cpu.cfs_quota_us") >> time.quota;
    std::ifstream(group.folder / "cpu.cfs_period_us") >> time.period;
  }
  constexpr std::int64_t kMost = std::int64_t{1} << 50;
  if (time.quota <= 0 || time.quota > kMost || time.period <= 0) return std::nullopt;
  return time;
}

void add_quota(const base::ControlGroup& group, std::vector<CpuQuota>& quotas) {
  const std::optional<Time> time = time_of(group);
  struct stat facts{};
  if (!time || ::stat(group.folder.c_str(), &facts) != 0) return;
  quotas.push_back(
      {.device = facts.st_dev,
       .folder = facts.st_ino,
       .thousandths = static_cast<std::uint64_t>(std::max<std::int64_t>(1, time->quota * 1000 / time->period))});
}

}  // namespace

std::vector<CpuQuota> cpu_quotas(const std::filesystem::path& process) {
  std::vector<CpuQuota> quotas;
  for (const base::ControlGroup& group : base::control_groups("cpu", process)) add_quota(group, quotas);
  return quotas;
}

}  // namespace crossdock::transport
