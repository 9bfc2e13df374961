// A process that a launcher (torchrun, mpirun, srun) made one rank of a job.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "crossdock/world.hpp"
#include "launch/shared.hpp"

namespace crossdock::tools {

/// How long ranks of a launcher may be apart: one of them may still compare results.
inline constexpr std::chrono::milliseconds kLaunchedDeadline{600'000};

/// The world that a launcher's variables describe, when all its ranks have met. Nothing where there are none, or where
/// they describe a job of one rank: such a process starts ranks of its own. Throws Error.
std::optional<World> launched_world();

/// `values` are [n][num_ranks], and each rank has filled its own column: gives every rank all of them. Collective.
template <typename Value>
void gather_columns(const World& world, SharedArray<Value>& values) {
  const auto ranks = static_cast<std::size_t>(world.num_ranks());
  const auto rank = static_cast<std::size_t>(world.rank());
  std::vector<Value> mine(values.size() / ranks);
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = values[i * ranks + rank];
  const auto all = world.all_gather(std::as_bytes(std::span(mine)), kLaunchedDeadline);
  for (std::size_t peer = 0; peer < ranks; ++peer) {
    for (std::size_t i = 0; i < mine.size(); ++i) {
      std::memcpy(&values[i * ranks + peer], all[peer].data() + i * sizeof(Value), sizeof(Value));
    }
  }
}

/// Gives every rank the values of rank 0. Collective.
template <typename Value>
void spread_from_rank_0(const World& world, SharedArray<Value>& values) {
  const std::size_t bytes = values.size() * sizeof(Value);
  const std::span<const Value> mine(&values[0], values.size());
  const auto all = world.all_gather(std::as_bytes(mine), kLaunchedDeadline);
  std::memcpy(&values[0], all[0].data(), bytes);
}

/// The least of all ranks' values. Collective.
std::int64_t least_of_ranks(const World& world, std::int64_t mine);

}  // namespace crossdock::tools
