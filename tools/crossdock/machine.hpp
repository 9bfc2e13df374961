// What the machine is made of (hwloc).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace crossdock::tools {

struct Cache {
  int level = 0;
  std::int64_t bytes = 0;  ///< of one
  int count = 0;
};

struct Machine {
  int packages = 0;
  int cores = 0;
  int threads = 0;
  int numa_nodes = 0;
  std::string cpu;            ///< model name; empty where unknown
  std::vector<Cache> caches;  ///< data and unified caches, level 1 first

  /// Of all last-level caches together.
  std::int64_t last_level_bytes() const;
};

/// Throws Error where hwloc cannot read the machine.
Machine read_machine();

/// "sse4.2", "avx2", "avx512f", ...: what this CPU offers to kernels with several SIMD targets.
std::vector<std::string> simd_targets();

}  // namespace crossdock::tools
