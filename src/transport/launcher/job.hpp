// What the environment of a process says of its job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crossdock::transport {

enum class Launcher : std::uint8_t { kNone, kTorchrun, kOpenMpi, kHydra, kSlurm, kKubernetes };

/// A process's place in its job, and what the launcher says of where ranks can meet. Nobody has been asked for it.
struct Job {
  Launcher launcher = Launcher::kNone;  ///< kNone: nothing started this process as one of several
  int rank = 0;
  int num_ranks = 1;
  /// The same on all ranks of a job, another one for every other job that may run beside it. Empty: the launcher names
  /// none (Hydra's connection is the job).
  std::string identity = {};
  std::optional<std::string> address = {};  ///< of rank 0: a name or an IP address without brackets
  std::optional<int> port = {};             ///< said by a variable; else ports follow from the identity
  /// What follows "MASTER_ADDR: not set, but" where nothing says where rank 0 is and it matters.
  std::string address_needed = "the other ranks need the address of rank 0";
  bool one_machine = false;        ///< the launcher says that all ranks are on this machine
  std::optional<int> pmi_fd = {};  ///< Hydra's connection, which speaks PMI-1
};

/// The rules are in docs/guide/start.md. A job of one rank has no more than launcher, rank and num_ranks. Throws Error
/// (kInvalidArgument) that names the variable that is missing, malformed or contradicts another one.
Job read_job();

}  // namespace crossdock::transport
