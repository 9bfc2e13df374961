// What all operations of one rank of a group share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "core/topology/placement.hpp"
#include "core/topology/topology.hpp"
#include "cpu/fast/workers.hpp"
#include "crossdock/config.hpp"
#include "engine/arena.hpp"
#include "engine/faults.hpp"
#include "engine/planted_bit.hpp"
#include "engine/quarantine.hpp"
#include "engine/window_layout.hpp"
#include "transport/transport.hpp"

namespace crossdock::engine {

struct Context {
  Context(const GroupConfig& group_config, int num_ranks, std::shared_ptr<transport::Transport> connected);
  /// Results may outlive the group, and with them the window; the peers see now that this rank left.
  ~Context() { transport->leave(); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  GroupConfig config;
  core::Topology topology;
  core::Placement placement;
  WindowLayout layout;
  std::shared_ptr<transport::Transport> transport;
  std::shared_ptr<Arena> arena;
  Membership membership;
  Faults faults;
  Quarantine quarantine;
  PlantedBit planted_bit;
  cpu::Workers workers;
  std::uint64_t identity = 0;  ///< of this group in this process; handles carry it

  std::int64_t sequence = 0;                        ///< of the next call
  std::array<bool, kNumSlots> slot_busy{};          ///< a call of this rank is in flight there
  std::array<std::uint64_t, kNumSlots> slot_tag{};  ///< last call there, 0 = none in this epoch
  std::int64_t latency_calls = 0;
  std::vector<std::uint64_t> latency_tag;  ///< [latency_slots]: last call that used the area

  std::uint64_t proposals_made = 0;
  std::vector<std::uint64_t> proposals_seen;  ///< [R]

  int rank() const { return transport->rank(); }
  int num_ranks() const { return topology.num_ranks; }
  int num_local_experts(int of_rank) const { return placement.num_local(of_rank); }
  const std::vector<int>& live() const { return membership.live; }

  /// Window memory, after what left quarantine has been given back. Throws WindowTooSmall.
  Reservation reserve(std::size_t bytes) {
    quarantine.purge();
    return arena->reserve(bytes);
  }

  /// A block of the own window that a peer wrote, copied out.
  template <typename Block>
  Block read(std::size_t offset) const {
    Block block;
    std::memcpy(&block, transport->window().data() + offset, sizeof block);
    return block;
  }
};

}  // namespace crossdock::engine
