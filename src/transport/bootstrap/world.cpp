#include "crossdock/world.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <utility>

#include "base/environment.hpp"
#include "crossdock/error.hpp"
#include "transport/bootstrap/bootstrap.hpp"
#include "transport/bootstrap/connect_job.hpp"
#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/tcp.hpp"

namespace crossdock {
namespace {

using base::environment_integer;
using base::environment_text;

constexpr int kMaxPort = 65'535;

/// The variables of one launcher.
struct Launcher {
  const char* rank;
  const char* num_ranks;
};
constexpr Launcher kTorchrun{.rank = "RANK", .num_ranks = "WORLD_SIZE"};
constexpr Launcher kOpenMpi{.rank = "OMPI_COMM_WORLD_RANK", .num_ranks = "OMPI_COMM_WORLD_SIZE"};
constexpr Launcher kSlurm{.rank = "SLURM_PROCID", .num_ranks = "SLURM_NTASKS"};

[[noreturn]] void throw_not_set(const char* missing, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("environment variable {}: not set, but {}", missing, why));
}

/// Which launcher started this process. Slurm's number of tasks alone means a shell inside an allocation, no task.
std::optional<Launcher> find_launcher() {
  for (const Launcher& launcher : {kTorchrun, kOpenMpi}) {
    const bool has_rank = environment_text(launcher.rank).has_value();
    const bool has_size = environment_text(launcher.num_ranks).has_value();
    if (has_rank && !has_size) throw_not_set(launcher.num_ranks, fmt::format("{} is", launcher.rank));
    if (has_size && !has_rank) throw_not_set(launcher.rank, fmt::format("{} is", launcher.num_ranks));
    if (has_rank) return launcher;
  }
  if (!environment_text(kSlurm.rank)) return std::nullopt;
  if (!environment_text(kSlurm.num_ranks)) throw_not_set(kSlurm.num_ranks, fmt::format("{} is", kSlurm.rank));
  return kSlurm;
}

/// mpirun tells nobody where rank 0 is; where all ranks are on one machine that does not matter.
bool open_mpi_on_one_machine(const Launcher& launcher) {
  return launcher.rank == kOpenMpi.rank &&
         environment_text("OMPI_COMM_WORLD_LOCAL_SIZE") == environment_text(kOpenMpi.num_ranks);
}

std::optional<std::string> find_address(const Launcher& launcher) {
  if (auto address = environment_text("MASTER_ADDR")) return address;
  return launcher.rank == kSlurm.rank ? environment_text("SLURM_LAUNCH_NODE_IPADDR") : std::nullopt;
}

/// torchrun keeps a store of its own on MASTER_PORT and says so: then the next port is ours.
std::optional<int> find_port() {
  const bool taken = environment_text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  const auto port = environment_integer("MASTER_PORT", 1, taken ? kMaxPort - 1 : kMaxPort);
  if (!port) return std::nullopt;
  return static_cast<int>(*port) + (taken ? 1 : 0);
}

transport::Job read_job() {
  transport::Job job;
  const auto launcher = find_launcher();
  if (!launcher) return job;
  constexpr int kMost = std::numeric_limits<int>::max();
  job.num_ranks = static_cast<int>(*environment_integer(launcher->num_ranks, 1, kMost));
  job.rank = static_cast<int>(*environment_integer(launcher->rank, 0, job.num_ranks - 1));
  for (const char* name : {"TORCHELASTIC_RUN_ID", "PMIX_NAMESPACE", "SLURM_JOB_ID"}) {
    if (job.identity.empty()) job.identity = environment_text(name).value_or("");
  }
  job.address = find_address(*launcher);
  job.port = find_port();
  job.one_machine = open_mpi_on_one_machine(*launcher);
  return job;
}

const Bootstrap& given(const std::shared_ptr<Bootstrap>& bootstrap) {
  if (bootstrap != nullptr) return *bootstrap;
  throw Error(ErrorCode::kInvalidArgument, "World: expected one that was made, got one that was moved from");
}

}  // namespace

World::World(std::shared_ptr<Bootstrap> bootstrap) : bootstrap_(std::move(bootstrap)) {
  if (!bootstrap_) throw Error(ErrorCode::kInvalidArgument, "World: expected a bootstrap, got none");
}

World World::from_environment() { return from_environment(WorldOptions{}); }

World World::from_environment(const WorldOptions& options) {
  return World(transport::connect_job(read_job(), options));
}

World World::tcp(const TcpWorldOptions& options) { return World(transport::connect_tcp(options)); }

std::vector<World> World::threads(int num_ranks) {
  std::vector<World> worlds;
  for (auto& bootstrap : transport::make_in_process(num_ranks)) worlds.emplace_back(std::move(bootstrap));
  return worlds;
}

int World::rank() const { return given(bootstrap_).rank(); }

int World::num_ranks() const { return given(bootstrap_).num_ranks(); }

}  // namespace crossdock
