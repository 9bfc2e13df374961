#include "check/flags.hpp"

#include <fmt/format.h>

#include "backend.hpp"
#include "crossdock/error.hpp"
#include "launch/launched.hpp"

namespace crossdock::tools::check {
namespace {

constexpr std::int64_t kMostCases = 1'000'000'000;
constexpr int kMostRanks = 64;  // a case compares what all of them got with all of them

/// Every case has ranks of its own number, so those of a launcher are of no use.
void refuse_launcher() {
  const auto world = launched_world();
  if (!world) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("check: expected to be started alone, for it starts ranks itself, got the variables of rank "
                          "{} of {} of a launcher",
                          world->rank(), world->num_ranks()));
}

}  // namespace

void add_check_flags(Flags flags, CheckFlags& values) {
  CheckOptions& check = values.check;
  flags.integer("--seed", check.seed, "of all cases");
  flags.integer("--cases", check.cases, {1, kMostCases}, "cases 0 to N - 1");
  flags.integer("--case", check.only, {0, kMostCases - 1}, "this case only");
  flags.flag("--threads", check.threads, "ranks as threads only");
  flags.flag("--processes", check.processes, "ranks as processes only");
  flags.word("--backend", check.backend, backend_words(), kBackendHelp);
  flags.integer("--ranks", check.ranks, {1, kMostRanks}, "ranks of every case; default: drawn");
  flags.word("--layout", check.layout, layout_words(),
             "of every operation: flat, contiguous or padded; default: drawn");
  flags.flag("--verbose", check.verbose, "say what each case is before it is run");
  flags.flag("--mask-each-rank", check.mask_each_rank, "every case once more without each rank in turn");
  flags.integer("--repetitions", values.repeat.repetitions, {1, kMostCases},
                "instead of cases: so many calls of one shape each on GPUs, compared by hash");
  flags.flag("--graph", values.repeat.graph, "repetitions replay a captured graph");
  flags.exclude("--case", {"--cases"});
  const std::vector<std::string> of_cases{"--cases", "--case", "--layout", "--verbose", "--mask-each-rank"};
  for (const char* of_repetitions : {"--repetitions", "--graph"}) flags.exclude(of_repetitions, of_cases);
}

int run(Flags flags, const CheckFlags& values) {
  refuse_launcher();
  CheckOptions check = values.check;
  if (!check.threads && !check.processes) check.threads = check.processes = true;
  if (!flags.given("--repetitions") && !flags.given("--graph")) return run_check(check);
  RepeatOptions repeat = values.repeat;
  repeat.seed = check.seed;
  repeat.backend = check.backend;
  repeat.ranks = check.ranks;
  repeat.threads = check.threads;
  repeat.processes = check.processes;
  return run_repeat(repeat);
}

}  // namespace crossdock::tools::check
