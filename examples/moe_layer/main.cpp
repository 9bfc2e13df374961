// moe_layer: one mixture-of-experts layer over several ranks, compared with the same layer in one process.
#include <cblas.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <crossdock/crossdock.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "launch.hpp"
#include "layer.hpp"
#include "one_process.hpp"
#include "random_matrix.hpp"

namespace moe_layer {
namespace {

enum class Ranks { kProcesses, kThreads, kEnvironment };

struct Options {
  LayerConfig layer;
  Ranks ranks = Ranks::kProcesses;
  int num_ranks = 4;
  int num_tokens = 512;
  int iterations = 7;
};

constexpr std::array kPrecisions{Precision::kFp32, Precision::kFp8};

/// What one rank saw in one precision.
struct Report {
  double error = 0;             ///< against one process with tokens of the same precision
  double overlapped_error = 0;  ///< the same, of forward_overlapped
  double rounding = 0;          ///< against one process with fp32 tokens: what FP8 itself costs
  Times times;
  double one_by_one_ms = 0;  ///< two micro-batches, the second after the first
  double overlapped_ms = 0;
};
using RankReports = std::array<Report, kPrecisions.size()>;

double limit_of(Precision precision) { return precision == Precision::kFp32 ? 1e-5 : 1e-2; }

/// The middle of several runs by `total`, after one that is not counted.
template <typename Result, typename Run, typename Total>
Result median(int iterations, Run run, Total total) {
  run();
  std::vector<Result> results;
  for (int i = 0; i < iterations; ++i) results.push_back(run());
  std::ranges::nth_element(results, results.begin() + iterations / 2, {}, total);
  return results[static_cast<std::size_t>(iterations / 2)];
}

template <typename Work>
double milliseconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Report measure(MoeLayer& layer, ConstRows x, Precision precision, int iterations) {
  std::vector<float> y(x.size());
  const Rows rows(y);
  const std::size_t half = layer.half(x);
  Report report;
  report.times = median<Times>(iterations, [&] { return layer.forward(x, y, precision); }, &Times::total);
  report.one_by_one_ms = median<double>(
      iterations,
      [&] {
        return milliseconds([&] {
          layer.forward(x.first(half), rows.first(half), precision);
          layer.forward(x.subspan(half), rows.subspan(half), precision);
        });
      },
      std::identity{});
  report.overlapped_ms = median<double>(
      iterations, [&] { return milliseconds([&] { layer.forward_overlapped(x, y, precision); }); }, std::identity{});
  return report;
}

void compare(MoeLayer& layer, const LayerConfig& config, ConstRows x, Precision precision, Report& report) {
  const Routing routing = Router(config).route(x);
  const std::vector<float> exact = run_in_one_process(config, x, routing);
  const std::vector<float> expected =
      precision == Precision::kFp32 ? exact : run_in_one_process(config, rounded_to_fp8(config, x, routing), routing);
  std::vector<float> y(x.size());
  layer.forward(x, y, precision);
  report.error = relative_error(y, expected);
  report.rounding = relative_error(y, exact);
  std::ranges::fill(y, 0.0F);
  layer.forward_overlapped(x, y, precision);
  report.overlapped_error = relative_error(y, expected);
}

RankReports run_rank(const crossdock::World& world, const Options& options) {
  // A rank has a core to itself at best: the ranks are the parallelism.
  openblas_set_num_threads(1);
  MoeLayer layer(world, options.layer, options.num_tokens);
  const std::vector<float> x = random_tokens(world.rank(), options.num_tokens, options.layer.hidden);
  RankReports reports;
  for (std::size_t i = 0; i < kPrecisions.size(); ++i) {
    reports[i] = measure(layer, x, kPrecisions[i], options.iterations);
    compare(layer, options.layer, x, kPrecisions[i], reports[i]);
  }
  return reports;
}

/// The worst of all ranks; times are those of the slowest one.
Report worst_of(std::span<const RankReports> ranks, std::size_t precision) {
  Report worst;
  for (const RankReports& rank : ranks) {
    const Report& report = rank[precision];
    worst.error = std::max(worst.error, report.error);
    worst.overlapped_error = std::max(worst.overlapped_error, report.overlapped_error);
    worst.rounding = std::max(worst.rounding, report.rounding);
    if (report.times.total() > worst.times.total()) worst.times = report.times;
    worst.one_by_one_ms = std::max(worst.one_by_one_ms, report.one_by_one_ms);
    worst.overlapped_ms = std::max(worst.overlapped_ms, report.overlapped_ms);
  }
  return worst;
}

/// False where an error is above its limit.
bool print(std::span<const RankReports> ranks, const Options& options) {
  std::printf("%d ranks, %d tokens each, hidden %d, top-%d of %d experts\n", options.num_ranks, options.num_tokens,
              options.layer.hidden, options.layer.top_k, options.layer.num_experts);
  bool ok = true;
  for (std::size_t i = 0; i < kPrecisions.size(); ++i) {
    const Report report = worst_of(ranks, i);
    const double limit = limit_of(kPrecisions[i]);
    const Times& times = report.times;
    const bool fp8 = kPrecisions[i] == Precision::kFp8;
    std::printf("\n%s\n", fp8 ? "FP8 dispatch, BF16 combine" : "FP32 dispatch and combine");
    std::printf("  relative error     %.1e whole, %.1e overlapped (limit %.0e)\n", report.error,
                report.overlapped_error, limit);
    if (fp8) std::printf("  with FP32 tokens   %.1e: the rounding of e4m3 itself\n", report.rounding);
    std::printf("  one batch, ms      %.1f = gate %.1f + dispatch %.1f + experts %.1f + combine %.1f\n", times.total(),
                times.gate, times.dispatch, times.experts, times.combine);
    std::printf("  two batches, ms    %.1f one by one, %.1f overlapped\n", report.one_by_one_ms, report.overlapped_ms);
    ok = ok && report.error < limit && report.overlapped_error < limit;
  }
  std::printf("\n%s\n", ok ? "all errors below their limits" : "AN ERROR IS ABOVE ITS LIMIT");
  return ok;
}

bool run(Options options) {
  if (options.ranks == Ranks::kEnvironment) {
    const crossdock::World world = crossdock::World::from_environment();
    options.num_ranks = world.num_ranks();
    const RankReports reports = run_rank(world, options);
    std::printf("rank %d of ", world.rank());
    return print({&reports, 1}, options);
  }
  const auto bytes = shared_memory(sizeof(RankReports) * static_cast<std::size_t>(options.num_ranks));
  auto* reports = reinterpret_cast<RankReports*>(bytes.data());
  const RankBody body = [&](const crossdock::World& world) { reports[world.rank()] = run_rank(world, options); };
  const bool ok = options.ranks == Ranks::kThreads ? run_as_threads(options.num_ranks, body)
                                                   : run_as_processes(options.num_ranks, body);
  return ok && print({reports, static_cast<std::size_t>(options.num_ranks)}, options);
}

constexpr std::string_view kUsage =
    "usage: moe_layer [--threads | --env] [--ranks N] [--tokens N] [--hidden N] [--intermediate N] [--experts N]\n"
    "                 [--topk N] [--iterations N]\n"
    "Ranks are processes; --threads makes them threads. --env makes this process one rank of a job that torchrun,\n"
    "mpirun or srun started.\n";

/// The command line is wrong.
struct UsageError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// A decimal integer of at least 1, without zeros in front.
int number_of(std::string_view flag, std::string_view text) {
  constexpr int kMost = 1 << 24;
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failure == std::errc{} && end == text.data() + text.size() && !text.starts_with('0');
  if (!whole || value < 1 || value > kMost) {
    throw UsageError(std::string(flag) + ": expected an integer of [1, " + std::to_string(kMost) + "], got \"" +
                     std::string(text) + "\"");
  }
  return value;
}

/// Nothing where --help was asked for.
std::optional<Options> parse(std::span<char*> words) {
  Options options;
  const std::map<std::string_view, int*> numbers{
      {"--ranks", &options.num_ranks},           {"--tokens", &options.num_tokens},
      {"--hidden", &options.layer.hidden},       {"--intermediate", &options.layer.intermediate},
      {"--experts", &options.layer.num_experts}, {"--topk", &options.layer.top_k},
      {"--iterations", &options.iterations}};
  std::set<std::string_view> kinds;  // of ranks, as asked for
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view name = words[i];
    if (name == "--help") return std::nullopt;
    if (name == "--threads" || name == "--env") {
      kinds.insert(name);
      options.ranks = name == "--env" ? Ranks::kEnvironment : Ranks::kThreads;
      continue;
    }
    if (name == "--ranks") kinds.insert(name);
    const auto number = numbers.find(name);
    if (number == numbers.end()) throw UsageError("unknown option \"" + std::string(name) + "\"; --help lists them");
    if (++i == words.size()) throw UsageError(std::string(name) + ": expected a number behind it");
    *number->second = number_of(name, words[i]);
  }
  if (kinds.contains("--env") && kinds.size() > 1) {
    throw UsageError("--env: expected the launcher to start the ranks, got --threads or --ranks beside it");
  }
  return options;
}

}  // namespace
}  // namespace moe_layer

int main(int argc, char** argv) try {
  const auto options = moe_layer::parse({argv + 1, static_cast<std::size_t>(std::max(argc - 1, 0))});
  if (!options) {
    std::printf("%s", moe_layer::kUsage.data());
    return EXIT_SUCCESS;
  }
  return moe_layer::run(*options) ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const moe_layer::UsageError& wrong) {
  std::fprintf(stderr, "moe_layer: %s\n", wrong.what());
  return 2;
} catch (const std::exception& failure) {
  std::fprintf(stderr, "moe_layer: %s\n", failure.what());
  return EXIT_FAILURE;
}
