#include "crossdock/world.hpp"

#include <utility>

#include "crossdock/error.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#include "transport/bootstrap/by_all_gather.hpp"
#include "transport/bootstrap/connect_job.hpp"
#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/split.hpp"
#include "transport/bootstrap/tcp.hpp"
#include "transport/launcher/job.hpp"

namespace crossdock {
namespace {

Bootstrap& given(const std::shared_ptr<Bootstrap>& bootstrap) {
  if (bootstrap != nullptr) return *bootstrap;
  throw Error(ErrorCode::kInvalidArgument, "World: expected one that was made, got one that was moved from");
}

}  // namespace

World::World(std::shared_ptr<Bootstrap> bootstrap) : bootstrap_(std::move(bootstrap)) {
  if (!bootstrap_) throw Error(ErrorCode::kInvalidArgument, "World: expected a bootstrap, got none");
}

World World::from_environment() { return from_environment(WorldOptions{}); }

World World::from_environment(const WorldOptions& options) {
  return World(transport::connect_job(transport::read_job(), options));
}

World World::tcp(const TcpWorldOptions& options) { return World(transport::connect_tcp(options)); }

World World::from_all_gather(int rank, int num_ranks, AllGather all_gather, std::chrono::milliseconds deadline) {
  return World(transport::make_by_all_gather(rank, num_ranks, std::move(all_gather), deadline));
}

std::vector<World> World::threads(int num_ranks) {
  std::vector<World> worlds;
  for (auto& bootstrap : transport::make_in_process(num_ranks)) worlds.emplace_back(std::move(bootstrap));
  return worlds;
}

std::optional<World> World::split(int color, int key, std::chrono::milliseconds deadline) const {
  auto bootstrap = transport::split(given(bootstrap_), {.color = color, .key = key}, deadline);
  if (!bootstrap) return std::nullopt;
  return World(std::move(bootstrap));
}

int World::rank() const { return given(bootstrap_).rank(); }

int World::num_ranks() const { return given(bootstrap_).num_ranks(); }

std::vector<std::vector<std::byte>> World::all_gather(std::span<const std::byte> mine,
                                                      std::chrono::milliseconds deadline) const {
  return given(bootstrap_).all_gather(mine, deadline);
}

}  // namespace crossdock
