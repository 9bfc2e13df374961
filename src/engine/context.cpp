#include "engine/context.hpp"

#include <atomic>

#include "base/environment.hpp"
#include "engine/membership.hpp"

namespace crossdock::engine {
namespace {

int num_workers(const GroupConfig& config, const transport::Transport& transport) {
  return config.num_threads > 0 ? config.num_threads : transport.cores().threads;
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
      workers(num_workers(group_config, *transport)),
      identity(next_identity()),
      latency_tag(static_cast<std::size_t>(group_config.latency_slots), 0),
      proposals_seen(static_cast<std::size_t>(num_ranks), 0) {
  faults.set_deadline(group_config.deadline);
}

}  // namespace crossdock::engine
