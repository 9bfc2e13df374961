#include "bench/command.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include <cstdio>
#include <optional>
#include <utility>
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
#include "launch/launched.hpp"
#include "limits.hpp"
#include "machine.hpp"
#include "note.hpp"
#include "output_file.hpp"

namespace crossdock::tools::bench {
namespace {

double gib(std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(std::size_t{1} << 30); }

/// The reference takes and returns large blocks once a slice: keep them instead of faulting their pages in again.
/// Ranks inherit it.
void keep_freed_memory() {
  // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  // NOLINTEND(concurrency-mt-unsafe)
}

std::vector<Mode> modes_of(const BenchOptions& options) {
  if (options.mode == "both") return {Mode::kThroughput, Mode::kLatency};
  return {options.mode == "latency" ? Mode::kLatency : Mode::kThroughput};
}

/// One run of the program, or one rank's part of it.
class Bench {
 public:
  Bench(const BenchOptions& options, const World* launched, const Provenance& provenance)
      : options_(options), launched_(launched), provenance_(provenance) {
    if (!options.json.empty() && speaks()) json_.emplace("--json", options.json);
  }

  int run() {
    const WantedRanks wanted{
        .num_ranks = options_.num_ranks(), .num_nodes = options_.nodes, .threads = options_.threads};
    if (choose_backend(options_.backend, wanted) == Backend::kCuda) return run_on_gpus();
    if (options_.ready || !options_.sms.empty()) {
      throw Error(ErrorCode::kInvalidArgument, "--ready, --sms: expected GPUs (--backend cuda), got the cpu");
    }
    return run_on_cpu();
  }

 private:
  bool speaks() const { return launched_ == nullptr || launched_->rank() == 0; }

  template <typename... Values>
  void say(fmt::format_string<Values...> format, Values&&... values) const {
    if (!speaks()) return;
    fmt::print(format, std::forward<Values>(values)...);
    std::fflush(stdout);
  }

  LaunchResult launch_ranks(const RankBody& body) const {
    const LaunchOptions options{.num_ranks = options_.num_ranks(),
                                .threads = options_.threads,
                                .launched = launched_,
                                .stall = std::chrono::milliseconds(options_.deadline_ms + 60'000),
                                .report = [](const std::string& line) { print_note("{}", line); }};
    return launch(options, body);
  }

  /// Ranks of a launcher plan alike, for what the one with the least memory can do.
  FreeMemory memory() const {
    FreeMemory memory = free_memory();
    if (launched_ != nullptr) memory.bytes = least_of_ranks(*launched_, memory.bytes);
    return memory;
  }

  void say_memory(const FittedScenario& fitted, const FreeMemory& memory) const {
    const Scenario& scenario = fitted.scenario;
    say("{} mode: windows reserve {:.1f} GiB, about {:.1f} GiB will be used, {:.1f} GiB are free ({})\n",
        name_of(mode_of(scenario.layout)), gib(required_bytes(scenario.config, scenario.num_ranks).all_ranks),
        gib(static_cast<std::size_t>(footprint_of(scenario).total())), gib(static_cast<std::size_t>(memory.bytes)),
        memory.bound);
    if (!fitted.note.empty()) say("{}\n", fitted.note);
  }

  int run_on_cpu() {
    const Machine machine = read_machine();
    const FreeMemory free = memory();
    std::vector<FittedScenario> planned;  // all of them, before the first one is run
    for (const Mode mode : modes_of(options_)) planned.push_back(fit_scenario(options_, mode, free.bytes));
    std::vector<ModeReport> reports;
    bool equal = true;
    for (const FittedScenario& fitted : planned) {
      say_memory(fitted, free);
      if (const int code = run_mode(fitted, machine, reports); code != 0) return code;
      equal = equal && reports.back().ok();
    }
    if (json_) json_->write(to_json(provenance_, options_, machine.cpu, reports));
    return equal ? 0 : 1;
  }

  /// Returns the exit code of the ranks.
  int run_mode(const FittedScenario& fitted, const Machine& machine, std::vector<ModeReport>& reports) {
    Measurements measurements(fitted.scenario);
    const Footprint footprint = footprint_of(fitted.scenario);
    const std::size_t bytes =
        copy_bytes(machine.last_level_bytes(), footprint.inputs + footprint.dispatched, options_.num_ranks());
    const LaunchResult result = launch_ranks([&](const World& world, Rendezvous& rendezvous) {
      run_rank(fitted.scenario, bytes, world, rendezvous, measurements);
    });
    if (!result.ok()) return result.exit_code();
    if (launched_ != nullptr) measurements.gather(*launched_);
    reports.push_back(make_report(options_, fitted.scenario, measurements, bytes));
    reports.back().note = fitted.note;
    say("{}{}\n", describe_run(options_, reports.back()), format_table(reports.back()));
    return 0;
  }

  int run_on_gpus() {
    prepare_cuda();
    std::vector<GpuReport> reports;
    bool equal = true;
    std::vector<GpuPlan> planned;
    for (const Mode mode : modes_of(options_)) planned.push_back(make_gpu_plan(options_, mode));
    for (const GpuPlan& plan : planned) {
      if (const int code = run_gpu_mode(plan, reports); code != 0) return code;
      equal = equal && reports.back().ok();
    }
    if (json_) json_->write(to_json(provenance_, options_, gpu::describe_device(0), reports));
    return equal ? 0 : 1;
  }

  /// Returns the exit code of the ranks.
  int run_gpu_mode(const GpuPlan& plan, std::vector<GpuReport>& reports) {
    GpuMeasurements measurements(plan);
    const LaunchResult result = launch_ranks(
        [&](const World& world, Rendezvous& rendezvous) { run_gpu_rank(plan, world, rendezvous, measurements); });
    if (!result.ok()) return result.exit_code();
    if (launched_ != nullptr) measurements.gather(*launched_);
    reports.push_back(make_gpu_report(options_, plan, measurements));
    say("{}", format_gpu_report(options_, reports.back()));
    return 0;
  }

  const BenchOptions& options_;
  const World* launched_;
  const Provenance& provenance_;
  std::optional<OutputFile> json_;
};

int run(BenchOptions options, const std::optional<World>& launched, const Provenance& provenance) {
  fit_ranks(launched ? launched->num_ranks() : 0, options);
  validate(options);
  if (options.verify) keep_freed_memory();
  return Bench(options, launched ? &*launched : nullptr, provenance).run();
}

}  // namespace

int run_bench(const BenchOptions& wanted, const Provenance& provenance) {
  return run(wanted, launched_world(), provenance);
}

int run_demo(BenchOptions options, const Provenance& provenance) {
  const std::optional<World> launched = launched_world();
  const bool on_gpus = options.backend != "cpu" && cuda_obstacle({}).empty();
  fit_demo(on_gpus ? gpu::count_devices() : 0, launched ? launched->num_ranks() : 0, options);
  return run(options, launched, provenance);
}

}  // namespace crossdock::tools::bench
