// Runs the ranks of a job: as processes or threads that are started here, or as the one rank that a launcher made of
// this process.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "crossdock/world.hpp"
#include "launch/rendezvous.hpp"

namespace crossdock::tools {

struct LaunchOptions {
  int num_ranks = 1;
  bool threads = false;
  /// This process is one rank of it (launched_world): nothing is started. Outlives the job.
  const World* launched = nullptr;
  /// Without progress (Rendezvous::note_progress) for so long the job is ended.
  std::chrono::milliseconds stall{600'000};
  /// How long the others may go on after a rank has died, so that they can say what they saw.
  std::chrono::milliseconds grace{2'000};
  /// Receives one line for every rank that fails, as it fails. May be empty.
  std::function<void(const std::string&)> report = {};
};

struct RankFailure {
  int rank = -1;
  std::string message;  ///< names the rank
};

struct LaunchResult {
  std::vector<RankFailure> failures;  ///< in the order they were seen
  int signal = 0;                     ///< SIGINT or SIGTERM where that ended the job

  bool ok() const { return failures.empty() && signal == 0; }
  /// 0, 1, or 128 + signal.
  int exit_code() const;
};

/// One rank's work; an exception is its failure.
using RankBody = std::function<void(const World& world, Rendezvous& rendezvous)>;

/// Processes: forks, so the caller has no other threads; what the body writes to ordinary memory is lost with it.
/// Nothing is left behind: children die with their parent, and SIGINT or SIGTERM ends all of them at once.
/// Threads: a job that stalls ends the program, for threads cannot be killed.
/// Launched: the result is this rank's own; the others see it fail when this process ends.
LaunchResult launch(const LaunchOptions& options, const RankBody& body);

}  // namespace crossdock::tools
