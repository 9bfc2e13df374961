// How ranks find one another.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace crossdock {

class Bootstrap;

/// Where the ranks of a job meet: rank 0 listens at address:port, the others connect.
struct TcpWorldOptions {
  int rank = 0;
  int num_ranks = 1;
  std::string address = "127.0.0.1";
  int port = 29500;
  std::chrono::milliseconds deadline{30'000};  ///< for all ranks to appear
  std::string identity = {};  ///< of the job, at most 512 bytes: ranks with another one are turned away
};

/// What a program knows better than its launcher. What is set here comes before the launcher's variables.
struct WorldOptions {
  std::chrono::milliseconds deadline{30'000};  ///< for all ranks to appear
  std::string address = {};                    ///< of rank 0: a name or an IP address; all ranks give the same
  std::optional<int> port = {};                ///< at which rank 0 listens; all ranks give the same
  std::string interface = {};  ///< whose address rank 0 listens at; where no address is named it is found there, too
  std::string identity = {};   ///< of the job, at most 512 bytes: ranks with another one are turned away
};

/// One rank's membership in a job. Copies share it.
/// A world carries the exchange of addresses at start-up only; Group carries the data.
class World {
 public:
  /// From the variables that torchrun sets (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), or Open MPI
  /// (OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE) or Slurm (SLURM_PROCID, SLURM_NTASKS,
  /// SLURM_LAUNCH_NODE_IPADDR) with MASTER_ADDR and MASTER_PORT as before where they are set.
  /// Where MASTER_PORT is not set ranks meet at one of eight ports that follow from the job's identity; the next port
  /// is used where torchrun keeps a store of its own on MASTER_PORT (TORCHELASTIC_USE_AGENT_STORE=True). Open MPI on
  /// one machine needs no MASTER_ADDR. Under MPICH's and Intel MPI's mpiexec ranks find rank 0 through it (PMI_FD).
  /// With none of them it is a job of one rank. Throws Error naming the variable that is missing or malformed; where
  /// rank 0 cannot listen, on all ranks with its reason.
  static World from_environment();
  static World from_environment(const WorldOptions& options);

  /// Ranks are processes; every rank calls this. Throws Error naming the ranks that did not appear in time, and whoever
  /// else was met at the port.
  static World tcp(const TcpWorldOptions& options);

  /// Ranks are threads of this process: one world for each, in rank order. At most 65536.
  static std::vector<World> threads(int num_ranks);

  int rank() const;
  int num_ranks() const;

  /// The room of the library that implements it (src/transport/bootstrap).
  const std::shared_ptr<Bootstrap>& bootstrap() const { return bootstrap_; }
  explicit World(std::shared_ptr<Bootstrap> bootstrap);

 private:
  std::shared_ptr<Bootstrap> bootstrap_;
};

}  // namespace crossdock
