// What control groups leave a process of the machine's cores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace crossdock::transport {

/// The CPU time that a control group's processes get together. Two processes that find the same (device, folder) share
/// it, whatever container they look from.
struct CpuQuota {
  std::uint64_t device = 0;       ///< of the group's folder
  std::uint64_t folder = 0;       ///< its number there
  std::uint64_t thousandths = 0;  ///< of a core, at least 1
};

/// The quotas of the process's control group and of all groups above it that can be seen: cpu.max of version 2,
/// cpu.cfs_quota_us of version 1. What is not there or not readable limits nothing. Never throws.
/// `process` holds the files "cgroup" and "mountinfo" of proc(5).
std::vector<CpuQuota> cpu_quotas(const std::filesystem::path& process = "/proc/self");

}  // namespace crossdock::transport
