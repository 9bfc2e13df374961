#include "check/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "check/material.hpp"
#include "check/run.hpp"
#include "environment.hpp"
#include "launch/launch.hpp"
#include "launch/shared.hpp"

namespace crossdock::tools::check {
namespace {

constexpr const char* kind_name(bool threads) { return threads ? "threads" : "processes"; }

/// A lost peer is what the other ranks see of a failure: the failure itself comes first.
bool is_consequence(const RankFailure& failure) {
  return failure.message.find(name_of(ErrorCode::kRankLost)) != std::string::npos ||
         failure.message.find(name_of(ErrorCode::kDeadlineExceeded)) != std::string::npos;
}

void print_failures(const CasePlan& plan, bool threads, std::vector<RankFailure> failures) {
  std::ranges::stable_sort(failures, {}, [](const RankFailure& failure) { return is_consequence(failure); });
  fmt::print("case {} of seed {} FAILED ({}): {}\n", plan.index, plan.seed, kind_name(threads), describe(plan));
  for (const RankFailure& failure : failures) fmt::print("  {}\n", failure.message);
  fmt::print("replay: {}crossdock check --seed {} --case {} --{}\n", replay_prefix(), plan.seed, plan.index,
             kind_name(threads));
}

/// Counts of everything done so far.
struct Totals {
  std::int64_t runs = 0;
  std::size_t bytes = 0;
};

/// Returns the exit code.
int run_case(const Case& made, bool threads, Totals& totals) {
  SharedArray<std::size_t> bytes(static_cast<std::size_t>(made.plan.num_ranks));
  const LaunchOptions options{
      .num_ranks = made.plan.num_ranks, .threads = threads, .stall = std::chrono::milliseconds(90'000)};
  const LaunchResult result = launch(options, [&](const World& world, Rendezvous& rendezvous) {
    bytes[static_cast<std::size_t>(world.rank())] = run_rank(made, world, rendezvous);
  });
  if (!result.failures.empty()) print_failures(made.plan, threads, result.failures);
  ++totals.runs;
  for (std::size_t rank = 0; rank < bytes.size(); ++rank) totals.bytes += bytes[rank];
  return result.exit_code();
}

/// Returns the exit code.
int run_all_kinds(const CheckOptions& options, std::int64_t index, Totals& totals) {
  const Case made = make_case(plan_case(options.seed, index));
  for (const bool threads : {true, false}) {
    if (!(threads ? options.threads : options.processes)) continue;
    if (const int code = run_case(made, threads, totals); code != 0) return code;
  }
  return 0;
}

}  // namespace

int run_check(const CheckOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t first = options.only.value_or(0);
  const std::int64_t end = options.only ? first + 1 : options.cases;
  const std::int64_t step = std::max<std::int64_t>((end - first) / 10, 1);
  Totals totals;
  for (std::int64_t index = first; index < end; ++index) {
    if (const int code = run_all_kinds(options, index, totals); code != 0) return code;
    if ((index - first + 1) % step == 0) fmt::print(stderr, "check: {} of {} cases\n", index - first + 1, end - first);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  fmt::print("check: {} cases, {} runs ({}{}{}): every byte equal, {} bytes compared, {:.1f} s\n", end - first,
             totals.runs, options.threads ? "threads" : "", options.threads && options.processes ? ", " : "",
             options.processes ? "processes" : "", totals.bytes, elapsed.count());
  return 0;
}

}  // namespace crossdock::tools::check
