#include "bench/command.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <vector>

#include "backend.hpp"
#include "bench/footprint.hpp"
#include "bench/gpu_rank.hpp"
#include "bench/gpu_report.hpp"
#include "bench/rank.hpp"
#include "bench/report.hpp"
#include "crossdock/config.hpp"
#include "crossdock/error.hpp"
#include "launch/launch.hpp"
#include "limits.hpp"
#include "machine.hpp"

namespace crossdock::tools::bench {
namespace {

double gib(std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(std::size_t{1} << 30); }

void print_memory(const FittedScenario& fitted, const FreeMemory& memory) {
  const Scenario& scenario = fitted.scenario;
  fmt::print("{} mode: windows reserve {:.1f} GiB, about {:.1f} GiB will be used, {:.1f} GiB are free ({})\n",
             name_of(mode_of(scenario.layout)), gib(required_bytes(scenario.config, scenario.num_ranks).all_ranks),
             gib(static_cast<std::size_t>(footprint_of(scenario).total())), gib(static_cast<std::size_t>(memory.bytes)),
             memory.bound);
  if (!fitted.note.empty()) fmt::print("{}\n", fitted.note);
  std::fflush(stdout);
}

/// The reference takes and returns large blocks once a slice: keep them instead of faulting their pages in again.
/// Ranks inherit it.
void keep_freed_memory() {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  // NOLINTEND(concurrency-mt-unsafe)
}

/// Returns the exit code of the ranks.
int run_mode(const BenchOptions& options, Mode mode, const Machine& machine, std::vector<ModeReport>& reports) {
  const FreeMemory memory = free_memory();
  const FittedScenario fitted = fit_scenario(options, mode, memory.bytes);
  print_memory(fitted, memory);
  Measurements measurements(fitted.scenario);
  const std::size_t bytes = copy_bytes(machine.last_level_bytes(), options.num_ranks());
  const LaunchOptions launch_options{.num_ranks = options.num_ranks(),
                                     .threads = options.threads,
                                     .stall = std::chrono::milliseconds(options.deadline_ms + 60'000),
                                     .report = [](const std::string& line) { fmt::print(stderr, "{}\n", line); }};
  const LaunchResult result = launch(launch_options, [&](const World& world, Rendezvous& rendezvous) {
    run_rank(fitted.scenario, bytes, world, rendezvous, measurements);
  });
  if (!result.ok()) return result.exit_code();
  reports.push_back(make_report(options, fitted.scenario, measurements, bytes));
  reports.back().note = fitted.note;
  fmt::print("{}{}\n", describe_run(options, reports.back()), format_table(reports.back()));
  std::fflush(stdout);
  return 0;
}

std::vector<Mode> modes_of(const BenchOptions& options) {
  if (options.mode == "both") return {Mode::kThroughput, Mode::kLatency};
  return {options.mode == "latency" ? Mode::kLatency : Mode::kThroughput};
}

/// Returns the exit code of the ranks.
int run_gpu_mode(const BenchOptions& options, Mode mode, std::vector<GpuReport>& reports) {
  const GpuPlan plan = make_gpu_plan(options, mode);
  GpuMeasurements measurements(plan);
  const LaunchOptions launch_options{.num_ranks = options.num_ranks(),
                                     .threads = options.threads,
                                     .stall = std::chrono::milliseconds(options.deadline_ms + 60'000),
                                     .report = [](const std::string& line) { fmt::print(stderr, "{}\n", line); }};
  const LaunchResult result = launch(launch_options, [&](const World& world, Rendezvous& rendezvous) {
    run_gpu_rank(plan, world, rendezvous, measurements);
  });
  if (!result.ok()) return result.exit_code();
  reports.push_back(make_gpu_report(options, plan, measurements));
  fmt::print("{}", format_gpu_report(options, reports.back()));
  std::fflush(stdout);
  return 0;
}

int run_on_gpus(const BenchOptions& options) {
  prepare_cuda();
  std::vector<GpuReport> reports;
  bool equal = true;
  for (const Mode mode : modes_of(options)) {
    if (const int code = run_gpu_mode(options, mode, reports); code != 0) return code;
    equal = equal && reports.back().ok();
  }
  if (!options.json.empty()) write_gpu_json(options.json, options, gpu::describe_device(0), reports);
  return equal ? 0 : 1;
}

}  // namespace

int run_bench(const BenchOptions& options) {
  validate(options);
  if (options.verify) keep_freed_memory();
  const WantedRanks wanted{.num_ranks = options.num_ranks(), .num_nodes = options.nodes, .threads = options.threads};
  if (choose_backend(options.backend, wanted) == Backend::kCuda) return run_on_gpus(options);
  if (options.ready || !options.sms.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--ready, --sms: expected GPUs (--backend cuda), got the cpu");
  }
  const Machine machine = read_machine();
  std::vector<ModeReport> reports;
  bool equal = true;
  for (const Mode mode : modes_of(options)) {
    if (const int code = run_mode(options, mode, machine, reports); code != 0) return code;
    equal = equal && reports.back().ok();
  }
  if (!options.json.empty()) write_json(options.json, options, machine.cpu, reports);
  return equal ? 0 : 1;
}

int run_demo(BenchOptions options) {
  const bool on_gpus = options.backend != "cpu" && cuda_obstacle({}).empty();
  fit_demo(on_gpus ? gpu::count_devices() : 0, options);
  return run_bench(options);
}

}  // namespace crossdock::tools::bench
