#include "launch/launched.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "launch/kinds.hpp"

namespace crossdock::tools {
namespace {

/// A rank that ends is seen at once, for its connection ends with it; nobody watches one that hangs but the deadline.
class WorldRendezvous final : public Rendezvous {
 public:
  explicit WorldRendezvous(const World& world) : world_(world) {}

  void wait() override { (void)world_.all_gather({}, kLaunchedDeadline); }
  void note_progress() override {}

 private:
  const World& world_;
};

}  // namespace

std::optional<World> launched_world() {
  World world = World::from_environment();
  if (world.num_ranks() == 1) return std::nullopt;
  return world;
}

std::int64_t least_of_ranks(const World& world, std::int64_t mine) {
  std::int64_t least = mine;
  for (const auto& bytes : world.all_gather(std::as_bytes(std::span(&mine, 1)), kLaunchedDeadline)) {
    std::int64_t value = 0;
    std::memcpy(&value, bytes.data(), sizeof(value));
    least = std::min(least, value);
  }
  return least;
}

LaunchResult run_launched(const LaunchOptions& options, const RankBody& body) {
  LaunchResult result;
  try {
    WorldRendezvous rendezvous(*options.launched);
    body(*options.launched, rendezvous);
  } catch (const std::exception& error) {
    const int rank = options.launched->rank();
    note_failure(options, result, rank, fmt::format("rank {}: {}", rank, error.what()));
  }
  return result;
}

}  // namespace crossdock::tools
