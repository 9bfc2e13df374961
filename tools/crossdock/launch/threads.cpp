#include <fmt/format.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "errno_text.hpp"
#include "launch/kinds.hpp"
#include "launch/shared_rendezvous.hpp"
#include "note.hpp"

namespace crossdock::tools {
namespace {

/// What the threads of a job tell the one that waits for them.
struct Job {
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
  LaunchResult result;
};

std::string failure_of(const World& world, Rendezvous& rendezvous, const RankBody& body) {
  try {
    body(world, rendezvous);
    return {};
  } catch (const std::exception& error) {
    return fmt::format("rank {}: {}", world.rank(), error.what());
  }
}

void run_thread(const LaunchOptions& options, const World& world, SharedRendezvous& rendezvous, const RankBody& body,
                Job& job) {
  const std::string message = failure_of(world, rendezvous, body);
  const std::lock_guard lock(job.mutex);
  if (!message.empty()) {
    note_failure(options, job.result, world.rank(), message);
    rendezvous.break_by(world.rank());  // after it, so that it is seen before those it causes
  }
  --job.running;
  job.changed.notify_one();
}

/// Rank `rank` and those behind it did not start.
void note_missing(const LaunchOptions& options, int rank, const std::system_error& refusal,
                  SharedRendezvous& rendezvous, Job& job) {
  const std::lock_guard lock(job.mutex);
  note_failure(
      options, job.result, rank,
      fmt::format("rank {}: its thread did not start: {}{}", rank, refusal.code().message(), process_limit_text()));
  rendezvous.break_by(rank);
  job.running -= options.num_ranks - rank;
}

/// Returns when all are done; ends the program where they stall.
void watch(const LaunchOptions& options, const SharedRendezvous& rendezvous, Job& job) {
  std::unique_lock lock(job.mutex);
  std::uint32_t seen = rendezvous.progress();
  auto since = std::chrono::steady_clock::now();
  while (job.running > 0) {
    job.changed.wait_for(lock, std::chrono::milliseconds(200));
    const auto now = std::chrono::steady_clock::now();
    if (rendezvous.progress() != seen) {
      seen = rendezvous.progress();
      since = now;
    } else if (now - since > options.stall) {
      print_note("crossdock: {} of {} rank threads made no progress for {} ms", job.running, options.num_ranks,
                 options.stall.count());
      std::_Exit(1);
    }
  }
}

}  // namespace

LaunchResult launch_threads(const LaunchOptions& options, const RankBody& body) {
  SharedRendezvous rendezvous(options.num_ranks);
  Job job;
  job.running = options.num_ranks;
  std::vector<World> worlds = World::threads(options.num_ranks);
  std::vector<std::thread> threads;
  threads.reserve(worlds.size());
  try {
    for (const World& world : worlds) {
      threads.emplace_back([&, world] { run_thread(options, world, rendezvous, body, job); });
    }
  } catch (const std::system_error& refusal) {
    note_missing(options, static_cast<int>(threads.size()), refusal, rendezvous, job);
  }
  worlds.clear();  // who waits for a rank that is not there learns it
  watch(options, rendezvous, job);
  for (std::thread& thread : threads) thread.join();
  return job.result;
}

}  // namespace crossdock::tools
