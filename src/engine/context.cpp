#include "engine/context.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/environment.hpp"
#include "engine/membership.hpp"

namespace crossdock::engine {
namespace {

/// All ranks are on one machine: they share its cores.
int num_workers(const GroupConfig& config, int num_ranks) {
  if (config.num_threads > 0) return config.num_threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / num_ranks);
}

std::uint64_t next_identity() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

}  // namespace

Context::Context(const GroupConfig& group_config, int num_ranks, std::shared_ptr<transport::Transport> connected)
    : config(group_config),
      topology(core::make_topology(num_ranks, group_config.ranks_per_node)),
      placement{.num_experts = group_config.num_experts, .num_ranks = num_ranks},
      layout(group_config, num_ranks),
      transport(std::move(connected)),
      arena(std::make_shared<Arena>(transport, transport->window(), layout.arena_begin(), transport->rank())),
      membership(first_membership(num_ranks)),
      faults(transport, layout.control(), membership),
      quarantine(transport),
      planted_bit(base::flip_bit_of_row()),
      workers(num_workers(group_config, num_ranks)),
      identity(next_identity()),
      latency_tag(static_cast<std::size_t>(group_config.latency_slots), 0),
      proposals_seen(static_cast<std::size_t>(num_ranks), 0) {
  faults.set_deadline(group_config.deadline);
}

}  // namespace crossdock::engine
