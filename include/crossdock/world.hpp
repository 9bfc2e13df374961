// How ranks find one another.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
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
  std::chrono::milliseconds deadline{30'000};  ///< for all ranks to appear; more than 0, milliseconds::max() = no limit
  std::string identity = {};  ///< of the job, at most 512 bytes: ranks with another one are turned away
};

/// What a program knows better than its launcher. What is set here comes before the launcher's variables.
struct WorldOptions {
  std::chrono::milliseconds deadline{30'000};  ///< for all ranks to appear; more than 0, milliseconds::max() = no limit
  std::string address = {};                    ///< of rank 0: a name or an IP address; all ranks give the same
  std::optional<int> port = {};                ///< at which rank 0 listens; all ranks give the same
  std::string interface = {};  ///< whose address rank 0 listens at; where no address is named it is found there, too
  std::string identity = {};   ///< of the job, at most 512 bytes: ranks with another one are turned away
};

/// A program's own exchange, in the shape of MPI_Allgather: every rank gives `mine`, of the same size on all, and has
/// everybody's in `all` afterwards, by rank. `all` is num_ranks times as large. Collective: ranks call it equally often
/// and in the same order, one thread of a rank at a time. It should throw where it has not ended by the deadline (from
/// now); what it throws passes through the call of the library that needed it.
using AllGather =
    std::function<void(std::span<const std::byte> mine, std::span<std::byte> all, std::chrono::milliseconds deadline)>;

/// One rank's membership in a job. Copies share it.
/// A world carries the exchange of addresses at start-up, and small things beside the work (all_gather); Group carries
/// the data.
class World {
 public:
  /// From the variables of torchrun, Open MPI, MPICH, Intel MPI, Slurm or Kubernetes (docs/guide/start.md): RANK and
  /// WORLD_SIZE before those of the others, MASTER_ADDR and MASTER_PORT where they are set.
  /// Where MASTER_PORT is not set ranks meet at one of eight ports that follow from the job's identity; the next port
  /// is used where torchrun keeps a store of its own on MASTER_PORT (TORCHELASTIC_USE_AGENT_STORE=True). On one machine
  /// and under srun MASTER_ADDR is not needed. Under MPICH's and Intel MPI's mpiexec ranks find rank 0 through it
  /// (PMI_FD). With no such variable it is a job of one rank. Throws Error naming the variable that is missing, empty,
  /// malformed or contradicts another one; where rank 0 cannot listen, on all ranks with its reason.
  static World from_environment();
  static World from_environment(const WorldOptions& options);

  /// Ranks are processes; every rank calls this. Throws Error naming the ranks that did not appear in time, and whoever
  /// else was met at the port.
  static World tcp(const TcpWorldOptions& options);

  /// Ranks meet through an exchange that they have already: MPI_Allgather, a process group's, a store's. It is called
  /// while worlds and groups are made, never later; of one rank, never. Collective, as it exchanges a few bytes at
  /// once; `deadline` is for that. Ranks may be processes, or all of them threads of one process, which the library
  /// sees. Throws Error (kInvalidArgument, kOptionsMismatch) where what comes back is not what ranks gave.
  static World from_all_gather(int rank, int num_ranks, AllGather all_gather,
                               std::chrono::milliseconds deadline = std::chrono::seconds(30));

  /// Ranks are threads of this process: one world for each, in rank order. At most 65536.
  static std::vector<World> threads(int num_ranks);

  /// Sub-groups, as MPI_Comm_split makes them. Collective: every rank of this world calls it. Those of one color form a
  /// world of their own, in the order of their keys, of equal keys in the order of their ranks here; a rank whose color
  /// is negative has no part in any. Worlds do not need one another afterwards: groups on them are made, used and
  /// destroyed in any order, and what fails in one stays there. Throws Error on all ranks where a sub-group cannot
  /// begin to meet, on its own ranks (naming ranks of the sub-group) where one of them does not come.
  std::optional<World> split(int color, int key, std::chrono::milliseconds deadline = std::chrono::seconds(30)) const;

  int rank() const;
  int num_ranks() const;

  /// Collective: everybody's bytes (sizes may differ; small, for they cross rank 0), by rank. Not while another thread
  /// makes a Group of this world or gathers too. Throws Error (kDeadlineExceeded, kRankLost) naming the ranks that did
  /// not come; then the world is of no further use.
  std::vector<std::vector<std::byte>> all_gather(std::span<const std::byte> mine,
                                                 std::chrono::milliseconds deadline) const;

  /// The room of the library that implements it (src/transport/bootstrap).
  const std::shared_ptr<Bootstrap>& bootstrap() const { return bootstrap_; }
  explicit World(std::shared_ptr<Bootstrap> bootstrap);

 private:
  std::shared_ptr<Bootstrap> bootstrap_;
};

}  // namespace crossdock
