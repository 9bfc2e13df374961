#include "machine.hpp"

#include <hwloc.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, DestroyTopology>;

Topology load_topology() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) throw Error(ErrorCode::kSystem, "hwloc_topology_init failed");
  Topology topology(raw);
  if (hwloc_topology_load(raw) != 0) throw Error(ErrorCode::kSystem, "hwloc_topology_load failed");
  return topology;
}

int count_of(const Topology& topology, hwloc_obj_type_t type) {
  return std::max(hwloc_get_nbobjs_by_type(topology.get(), type), 0);
}

std::vector<Cache> read_caches(const Topology& topology) {
  std::vector<Cache> caches;
  int level = 0;
  for (const hwloc_obj_type_t type :
       {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L5CACHE}) {
    ++level;
    const int count = count_of(topology, type);
    if (count == 0) continue;
    hwloc_obj* const first = hwloc_get_obj_by_type(topology.get(), type, 0);
    caches.push_back({level, static_cast<std::int64_t>(first->attr->cache.size), count});
  }
  return caches;
}

}  // namespace

std::int64_t Machine::last_level_bytes() const {
  return caches.empty() ? 0 : caches.back().bytes * caches.back().count;
}

Machine read_machine() {
  const Topology topology = load_topology();
  Machine machine{.packages = count_of(topology, HWLOC_OBJ_PACKAGE),
                  .cores = count_of(topology, HWLOC_OBJ_CORE),
                  .threads = count_of(topology, HWLOC_OBJ_PU),
                  .numa_nodes = count_of(topology, HWLOC_OBJ_NUMANODE),
                  .cpu = {},
                  .caches = read_caches(topology)};
  hwloc_obj* const package = hwloc_get_obj_by_type(topology.get(), HWLOC_OBJ_PACKAGE, 0);
  const char* model = package != nullptr ? hwloc_obj_get_info_by_name(package, "CPUModel") : nullptr;
  if (model != nullptr) machine.cpu = model;
  return machine;
}

std::vector<std::string> simd_targets() {
  std::vector<std::string> targets;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) targets.emplace_back("sse4.2");
  if (__builtin_cpu_supports("avx2")) targets.emplace_back("avx2");
  if (__builtin_cpu_supports("avx512f")) targets.emplace_back("avx512f");
  if (__builtin_cpu_supports("avx512bw")) targets.emplace_back("avx512bw");
  if (__builtin_cpu_supports("avx512vbmi")) targets.emplace_back("avx512vbmi");
#elif defined(__aarch64__)
  targets.emplace_back("neon");
#endif
  return targets;
}

}  // namespace crossdock::tools
