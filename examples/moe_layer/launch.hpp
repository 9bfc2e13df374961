// Ranks of this machine, as processes or as threads.
#pragma once

#include <crossdock/world.hpp>
#include <cstddef>
#include <functional>
#include <span>

namespace moe_layer {

using RankBody = std::function<void(const crossdock::World&)>;

/// Runs the body once a rank and waits for all. An exception is printed and fails its rank. True where none failed.
/// Processes are forked: no other threads may run before.
bool run_as_processes(int num_ranks, const RankBody& body);
bool run_as_threads(int num_ranks, const RankBody& body);

/// Zeroed memory that forked ranks and their parent share.
std::span<std::byte> shared_memory(std::size_t bytes);

}  // namespace moe_layer
