#include "check/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <span>

#include "backend.hpp"
#include "check/material.hpp"
#include "check/run.hpp"
#include "command_line/words.hpp"
#include "environment.hpp"
#include "launch/launch.hpp"
#include "launch/shared.hpp"
#include "note.hpp"

namespace crossdock::tools::check {
namespace {

constexpr const char* kind_name(bool threads) { return threads ? "threads" : "processes"; }

/// A lost peer is what the other ranks see of a failure: the failure itself comes first.
bool is_consequence(const RankFailure& failure) {
  return failure.message.find(name_of(ErrorCode::kRankLost)) != std::string::npos ||
         failure.message.find(name_of(ErrorCode::kDeadlineExceeded)) != std::string::npos;
}

std::optional<Layout> layout_of(const std::string& word) {
  if (word.empty()) return std::nullopt;
  require_word("--layout", layout_words(), word);
  if (word == "flat") return Layout::kFlat;
  return word == "contiguous" ? Layout::kExpertContiguous : Layout::kExpertPadded;
}

PlanRules rules_of(const CheckOptions& options, Backend backend, bool threads) {
  PlanRules rules{.backend = backend,
                  .num_ranks = options.ranks,
                  .layout = layout_of(options.layout),
                  .mask_each_rank = options.mask_each_rank};
  if (backend == Backend::kCuda) rules.max_ranks = threads ? kMaxRanksOfDevice : gpu::count_devices();
  return rules;
}

/// The words of a command line that matter to what a case is.
std::string replay_flags(const CheckOptions& options, const PlanRules& rules) {
  std::string flags;
  if (rules.backend == Backend::kCuda) flags += " --backend cuda";
  if (options.ranks > 0) flags += fmt::format(" --ranks {}", options.ranks);
  if (!options.layout.empty()) flags += " --layout " + options.layout;
  if (options.mask_each_rank) flags += " --mask-each-rank";
  return flags;
}

/// Counts of everything done so far.
struct Totals {
  std::int64_t runs = 0;
  std::size_t bytes = 0;
};

/// What a rank leaves for the parent.
struct RankState {
  std::int64_t index = -1;  ///< of the case that it is at
  std::size_t bytes = 0;
};

/// Cases with as many ranks each, by the same ranks one after the other.
class Batch {
 public:
  Batch(const CheckOptions& options, const PlanRules& rules, bool threads, int num_ranks)
      : options_(options),
        rules_(rules),
        threads_(threads),
        num_ranks_(num_ranks),
        states_(static_cast<std::size_t>(num_ranks)) {}

  /// `made` is the case where there is one only: then it is not made again by every rank. Returns the exit code.
  int run(std::span<const std::int64_t> indices, const Case* made, Totals& totals) {
    const LaunchOptions options{
        .num_ranks = num_ranks_, .threads = threads_, .stall = std::chrono::milliseconds(90'000)};
    const LaunchResult result = launch(options, [&](const World& world, Rendezvous& rendezvous) {
      const auto device = open_device(rules_.backend, world, kDeviceBytes);
      RankState& state = states_[static_cast<std::size_t>(world.rank())];
      for (const std::int64_t index : indices) {
        state.index = index;
        if (options_.verbose && world.rank() == 0) announce(index);
        const std::optional<Case> own = made == nullptr ? std::optional(make(index)) : std::nullopt;
        state.bytes += run_rank(own ? *own : *made, world, rendezvous, device.get());
        rendezvous.wait();  // memory of a GPU is given back before somebody starts kernels on it again
      }
    });
    if (!result.failures.empty()) print_failures(result.failures);
    totals.runs += static_cast<std::int64_t>(indices.size());
    for (std::size_t rank = 0; rank < states_.size(); ++rank) totals.bytes += states_[rank].bytes;
    return result.exit_code();
  }

 private:
  Case make(std::int64_t index) const { return make_case(plan_case(options_.seed, index, rules_)); }

  void announce(std::int64_t index) const {
    print_note("case {} ({}): {}", index, kind_name(threads_), describe(plan_case(options_.seed, index, rules_)));
  }

  void print_failures(std::vector<RankFailure> failures) const {
    std::ranges::stable_sort(failures, {}, [](const RankFailure& failure) { return is_consequence(failure); });
    const std::int64_t index = states_[static_cast<std::size_t>(failures.front().rank)].index;
    fmt::print("case {} of seed {} FAILED ({}): {}\n", index, options_.seed, kind_name(threads_),
               describe(plan_case(options_.seed, index, rules_)));
    for (const RankFailure& failure : failures) fmt::print("  {}\n", failure.message);
    fmt::print("replay: {}crossdock check --seed {} --case {} --{}{}\n", replay_prefix(), options_.seed, index,
               kind_name(threads_), replay_flags(options_, rules_));
  }

  const CheckOptions& options_;
  const PlanRules& rules_;
  bool threads_;
  int num_ranks_;
  SharedArray<RankState> states_;
};

struct Range {
  std::int64_t first = 0;
  std::int64_t end = 0;
};

/// Every case by ranks of its own, threads and processes in turn. Returns the exit code.
int run_case_by_case(const CheckOptions& options, Range range, Totals& totals) {
  const PlanRules rules = rules_of(options, Backend::kCpu, options.threads);
  const std::int64_t step = std::max<std::int64_t>((range.end - range.first) / 10, 1);
  for (std::int64_t index = range.first; index < range.end; ++index) {
    const Case made = make_case(plan_case(options.seed, index, rules));
    for (const bool threads : {true, false}) {
      if (!(threads ? options.threads : options.processes)) continue;
      Batch batch(options, rules, threads, made.plan.num_ranks);
      if (const int code = batch.run({&index, 1}, &made, totals); code != 0) return code;
    }
    const std::int64_t done = index - range.first + 1;
    if (done % step == 0) print_note("check: {} of {} cases", done, range.end - range.first);
  }
  return 0;
}

/// On GPUs ranks live long, for they take seconds to start. Processes come first: a process that has used CUDA cannot
/// fork others that use it.
int run_in_batches(const CheckOptions& options, Backend backend, Range range, Totals& totals) {
  for (const bool threads : {false, true}) {
    if (!(threads ? options.threads : options.processes)) continue;
    const PlanRules rules = rules_of(options, backend, threads);
    std::map<int, std::vector<std::int64_t>> by_ranks;
    for (std::int64_t index = range.first; index < range.end; ++index) {
      by_ranks[plan_case(options.seed, index, rules).num_ranks].push_back(index);
    }
    for (const auto& [num_ranks, indices] : by_ranks) {
      print_note("check: {} cases of {} {}", indices.size(), num_ranks, kind_name(threads));
      Batch batch(options, rules, threads, num_ranks);
      if (const int code = batch.run(indices, nullptr, totals); code != 0) return code;
    }
  }
  return 0;
}

/// Ranks that do not fit the GPUs as processes are run as threads only, where both were asked for.
CheckOptions fitting(CheckOptions options) {
  const bool both = options.threads && options.processes;
  if (both && !cuda_obstacle({.num_ranks = options.ranks}).empty()) options.processes = false;
  return options;
}

}  // namespace

std::vector<std::string> layout_words() { return {"flat", "contiguous", "padded"}; }

int run_check(const CheckOptions& wanted) {
  const auto begin = std::chrono::steady_clock::now();
  const Backend backend = choose_backend(wanted.backend, {.num_ranks = wanted.ranks, .threads = wanted.threads});
  const CheckOptions options = backend == Backend::kCuda ? fitting(wanted) : wanted;
  if (backend == Backend::kCuda) prepare_cuda();
  const Range range{.first = options.only.value_or(0), .end = options.only ? *options.only + 1 : options.cases};
  Totals totals;
  const bool long_lived = backend == Backend::kCuda || options.ranks > 0;
  const int code =
      long_lived ? run_in_batches(options, backend, range, totals) : run_case_by_case(options, range, totals);
  if (code != 0) return code;
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  fmt::print("check: {} cases, {} runs ({}{}{}) on {}: every byte equal, {} bytes compared, {:.1f} s\n",
             range.end - range.first, totals.runs, options.threads ? "threads" : "",
             options.threads && options.processes ? ", " : "", options.processes ? "processes" : "", name_of(backend),
             totals.bytes, elapsed.count());
  return 0;
}

}  // namespace crossdock::tools::check
