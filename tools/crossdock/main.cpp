// The command line of crossdock. Everything else of the program is in crossdock_tool_parts.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cfenv>
#include <cstdio>
#include <exception>

#include "bench/command.hpp"
#include "check/command.hpp"
#include "check/repeat.hpp"
#include "crossdock/version.hpp"
#include "info.hpp"
#include "measure.hpp"

namespace {

using crossdock::tools::bench::BenchOptions;
using crossdock::tools::check::CheckOptions;
using crossdock::tools::check::RepeatOptions;

constexpr const char* kBackendHelp = "auto (cuda where it is built, GPUs are here and ranks fit them), cpu or cuda";

/// How a run is carried out, for bench and demo alike.
void add_run_flags(CLI::App& app, BenchOptions& options) {
  app.add_option("--backend", options.backend, kBackendHelp)->capture_default_str();
  app.add_option("--iterations", options.iterations, "timed calls; default: 10 on the CPU, 40 on GPUs");
  app.add_option("--warmup", options.warmup, "calls before them, after the first one")->capture_default_str();
  app.add_option("--seed", options.seed, "of inputs and routing")->capture_default_str();
  app.add_flag("--threads", options.threads, "ranks are threads instead of processes");
  app.add_option("--deadline", options.deadline_ms, "milliseconds, of every wait of the library")
      ->capture_default_str();
  app.add_option("--json", options.json, "write the results to this file");
  app.add_flag("--verify,!--no-verify", options.verify, "compare every byte with the reference (default)");
}

void add_shape_flags(CLI::App& app, BenchOptions& options) {
  app.add_option("--nodes", options.nodes, "nodes (all of them on this machine)")->capture_default_str();
  app.add_option("--ranks-per-node", options.ranks_per_node)->capture_default_str();
  app.add_option("--tokens", options.tokens, "tokens a rank; default 4096 (throughput), 128 (latency)");
  app.add_option("--hidden", options.hidden)->capture_default_str();
  app.add_option("--topk", options.top_k)->capture_default_str();
  app.add_option("--experts", options.experts)->capture_default_str();
  app.add_option("--groups", options.groups, "expert groups of the gate")->capture_default_str();
  app.add_option("--topk-groups", options.topk_groups, "groups that a token may choose from")->capture_default_str();
  app.add_option("--mode", options.mode, "throughput, latency or both")->capture_default_str();
  app.add_option("--dtype", options.dtype, "of dispatch: fp8 (quantised inside), bf16, fp16 or fp32")
      ->capture_default_str();
  app.add_option("--layout", options.layout, "throughput mode: flat or contiguous")->capture_default_str();
  app.add_option("--sms", options.sms,
                 "GPUs: SMs of a call, a list; default 8,16,24 (latency mode: the group's choice)")
      ->delimiter(',');
  app.add_flag("--ready", options.ready, "fp8: x is fp8 with scales before dispatch");
  app.add_option("--routing", options.routing,
                 "uniform, zipf:A, khot:K, gate, or FILE.npy [ranks, tokens, top-k]; default: gate where there are "
                 "groups, else uniform");
}

void add_check_flags(CLI::App& app, CheckOptions& options, RepeatOptions& repeat, bool& threads, bool& processes) {
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--cases", options.cases, "cases 0 to N - 1")->capture_default_str();
  app.add_option("--case", options.only, "this case only");
  app.add_flag("--threads", threads, "ranks as threads only");
  app.add_flag("--processes", processes, "ranks as processes only");
  app.add_option("--backend", options.backend, kBackendHelp)->capture_default_str();
  app.add_option("--ranks", options.ranks, "ranks of every case; default: drawn");
  app.add_option("--layout", options.layout, "of every operation: flat, contiguous or padded; default: drawn");
  app.add_flag("--verbose", options.verbose, "say what each case is before it is run");
  app.add_flag("--mask-each-rank", options.mask_each_rank, "every case once more without each rank in turn");
  app.add_option("--repetitions", repeat.repetitions,
                 "instead of cases: so many calls of one shape each on GPUs, compared by hash");
  app.add_flag("--graph", repeat.graph, "repetitions replay a captured graph");
}

int run_measure(const std::string& json) {
  const crossdock::tools::LinkReport report = crossdock::tools::measure_links();
  if (!json.empty()) crossdock::tools::write_links_json(json, report);
  fmt::print("{}", crossdock::tools::format_links(report));
  return 0;
}

int run_repetitions(const CheckOptions& check, RepeatOptions repeat) {
  repeat.seed = check.seed;
  repeat.backend = check.backend;
  repeat.ranks = check.ranks;
  repeat.threads = check.threads;
  repeat.processes = check.processes;
  return crossdock::tools::check::run_repeat(repeat);
}

int run_command(int argc, char** argv) {
  CLI::App app("Expert-parallel communication: measure it, check it, see what is here.", "crossdock");
  app.require_subcommand(1);
  BenchOptions bench;
  bench.backend = "auto";
  BenchOptions demo = crossdock::tools::bench::demo_options();
  demo.backend = "auto";
  CheckOptions check{.backend = "auto"};
  RepeatOptions repeat;
  bool threads = false;
  bool processes = false;
  bool measure = false;
  std::string measure_json;
  CLI::App* info_command = app.add_subcommand("info", "the machine, and what the library can use of it");
  info_command->add_flag("--measure", measure,
                         "what the links between GPUs, their memory and flags can do, and what kernels take of an SM");
  info_command->add_option("--json", measure_json, "write what was measured to this file");
  CLI::App* bench_command = app.add_subcommand("bench", "time dispatch and combine, compare them with the reference");
  CLI::App* demo_command =
      app.add_subcommand("demo", "bench of both modes, 256 experts: 2 nodes x 4 ranks, or a rank a GPU");
  CLI::App* check_command = app.add_subcommand("check", "random cases, every byte compared with the reference");
  add_shape_flags(*bench_command, bench);
  add_run_flags(*bench_command, bench);
  add_run_flags(*demo_command, demo);
  add_check_flags(*check_command, check, repeat, threads, processes);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (*info_command) {
    fmt::print("{}", crossdock::tools::describe_machine(std::string(crossdock::version())));
    return measure ? run_measure(measure_json) : 0;
  }
  if (*bench_command) return crossdock::tools::bench::run_bench(bench);
  if (*demo_command) return crossdock::tools::bench::run_demo(demo);
  check.threads = threads || !processes;
  check.processes = processes || !threads;
  if (check_command->count("--repetitions") > 0 || repeat.graph) return run_repetitions(check, repeat);
  return crossdock::tools::check::run_check(check);
}

/// While no ranks run as processes, Ctrl-C ends the program at once, with threads still working.
void end_on(int signal) { ::_exit(128 + signal); }

}  // namespace

int main(int argc, char** argv) {
  // A library that was built with -ffast-math and is loaded with the program flushes subnormals in all of it: inputs
  // would differ between ranks and from the line that repeats a case.
  std::fesetenv(FE_DFL_ENV);
  ::signal(SIGINT, end_on);
  ::signal(SIGTERM, end_on);
  ::signal(SIGXFSZ, SIG_IGN);  // a file beyond ulimit -f is a write that fails
  try {
    return run_command(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "crossdock: {}\n", error.what());
    return 2;
  }
}
