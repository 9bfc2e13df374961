#include "check/repeat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "backend.hpp"
#include "check/repeat_plan.hpp"
#include "check/repeat_rank.hpp"
#include "crossdock/error.hpp"
#include "launch/launch.hpp"
#include "launch/shared.hpp"
#include "note.hpp"

namespace crossdock::tools::check {
namespace {

/// All kinds by the same ranks, one after the other.
class Repetitions {
 public:
  Repetitions(const RepeatOptions& options, int num_ranks, bool threads)
      : options_(options),
        num_ranks_(num_ranks),
        threads_(threads),
        kinds_(repeat_kinds(!options.graph)),
        records_(kinds_.size() * static_cast<std::size_t>(num_ranks)) {}

  /// Returns the exit code.
  int run() {
    const LaunchOptions launch_options{
        .num_ranks = num_ranks_, .threads = threads_, .stall = std::chrono::milliseconds(150'000)};
    const LaunchResult result =
        launch(launch_options, [this](const World& world, Rendezvous& rendezvous) { run_rank(world, rendezvous); });
    for (const RankFailure& failure : result.failures) fmt::print("  {}\n", failure.message);
    if (!result.ok()) return result.exit_code();
    bool equal = true;
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind) equal = print_kind(kind) && equal;
    return equal ? 0 : 1;
  }

 private:
  void run_rank(const World& world, Rendezvous& rendezvous) {
    const auto device = open_device(Backend::kCuda, world, kRepeatDeviceBytes);
    for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
      if (world.rank() == 0) print_note("check: {} {} {}", name(kind), kinds_[kind].dtype(), size(kind));
      const Case made = make_case(plan_repetitions(options_.seed, num_ranks_, kinds_[kind]));
      rendezvous.wait();
      record(kind, world.rank()) = run_repetitions(made, {.repetitions = options_.repetitions, .graph = options_.graph},
                                                   world, rendezvous, *device);
      rendezvous.wait();  // memory of a GPU is given back before somebody starts kernels on it again
    }
  }

  RepeatRecord& record(std::size_t kind, int rank) {
    return records_[kind * static_cast<std::size_t>(num_ranks_) + static_cast<std::size_t>(rank)];
  }
  std::string_view name(std::size_t kind) const { return name_of(kinds_[kind].layout); }
  const char* size(std::size_t kind) const { return kinds_[kind].rows(); }

  /// A line of the table. False where something differed.
  bool print_kind(std::size_t kind) {
    std::uint64_t mismatches = 0;
    double seconds = 0;
    std::string first;
    for (int rank = 0; rank < num_ranks_; ++rank) {
      const RepeatRecord& at = record(kind, rank);
      mismatches += at.verdict.mismatches;
      seconds = std::max(seconds, at.seconds);
      if (at.verdict.mismatches > 0 && first.empty()) {
        first = fmt::format("  first: rank {}, repetition {}: {}", rank, at.verdict.first_repetition,
                            tensor_names(at.verdict.first_tensors));
      }
      if (at.verdict.repetitions != static_cast<std::uint64_t>(options_.repetitions)) {
        first = fmt::format("  rank {} has compared {} repetitions", rank, at.verdict.repetitions);
        ++mismatches;
      }
    }
    fmt::print("{:<18} {:<9} {:<8} {:>2} {:<9} {:>11} {:>10} {:>10.1f}{}\n", name(kind), kinds_[kind].dtype(),
               size(kind), num_ranks_, threads_ ? "threads" : "processes", options_.repetitions, mismatches,
               seconds / static_cast<double>(options_.repetitions) * 1e6, first);
    return mismatches == 0;
  }

  const RepeatOptions& options_;
  int num_ranks_;
  bool threads_;
  std::vector<RepeatKind> kinds_;
  SharedArray<RepeatRecord> records_;
};

}  // namespace

int run_repeat(const RepeatOptions& options) {
  const int num_ranks = options.ranks > 0 ? options.ranks : std::max(gpu::count_devices(), 1);
  if (choose_backend(options.backend, {.num_ranks = num_ranks, .threads = !options.processes}) != Backend::kCuda) {
    throw Error(ErrorCode::kInvalidArgument, "--repetitions: expected GPUs (--backend cuda), got the cpu");
  }
  prepare_cuda();
  fmt::print("{:<18} {:<9} {:<8} {:>12} {:>11} {:>10} {:>10}\n", "layout", "dtype", "rows",
             options.graph ? "ranks, graph" : "ranks", "repetitions", "mismatches", "us each");
  int worst = 0;
  for (const bool threads : {false, true}) {
    if (!(threads ? options.threads : options.processes)) continue;
    std::fflush(stdout);
    worst = std::max(worst, Repetitions(options, num_ranks, threads).run());
  }
  return worst;
}

}  // namespace crossdock::tools::check
