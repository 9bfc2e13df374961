// How ranks find one another.
#pragma once

#include <chrono>
#include <memory>
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
};

/// One rank's membership in a job. Copies share it.
/// A world carries the exchange of addresses at start-up only; Group carries the data.
class World {
 public:
  /// From the variables that torchrun sets (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT), or Open MPI
  /// (OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE) or Slurm (SLURM_PROCID, SLURM_NTASKS,
  /// SLURM_LAUNCH_NODE_IPADDR) with MASTER_ADDR and MASTER_PORT as before where they are set.
  /// MASTER_PORT is 29500 where it is not set; the next port is used where torchrun keeps a store of its own on it
  /// (TORCHELASTIC_USE_AGENT_STORE=True). Open MPI on one machine needs no MASTER_ADDR.
  /// With none of them it is a job of one rank. Throws Error naming the variable that is missing or malformed.
  static World from_environment();

  /// Ranks are processes; every rank calls this. Throws Error naming the ranks that did not appear in time.
  static World tcp(const TcpWorldOptions& options);

  /// Ranks are threads of this process: one world for each, in rank order.
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
