#include "bench/footprint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "bench/slices.hpp"
#include "crossdock/error.hpp"
#include "limits.hpp"

namespace crossdock::tools::bench {
namespace {

/// Pages, staging of the library and of the reference, allocator gaps.
constexpr double kSlack = 1.2;
/// Of the available memory.
constexpr double kShare = 0.85;

bool fits(double bytes, std::int64_t available) { return bytes * kSlack < static_cast<double>(available) * kShare; }

bool fits(const Scenario& scenario, std::int64_t available) {
  return fits(static_cast<double>(footprint_of(scenario).total()), available);
}

/// What one set of inputs takes at least, whatever the routing; sizes that overflow integers too.
double least_bytes(const Scenario& shape) {
  const double token = static_cast<double>(shape.x_row_bytes()) + 8.0 * shape.top_k();
  const double copies = 2.0 * static_cast<double>(kLeastCopyBytes) * shape.num_ranks;  // of measure_copies
  return std::max(token * static_cast<double>(shape.tokens) * shape.num_ranks, copies);
}

/// Nothing where it does not fit.
std::optional<FittedScenario> try_fit(const BenchOptions& options, Mode mode, std::int64_t tokens,
                                      std::int64_t available) {
  if (!fits(least_bytes(make_shape(options, mode, tokens, 1)), available)) return std::nullopt;
  for (const int sets : {2, 1}) {
    FittedScenario fitted{.scenario = make_scenario(options, mode, tokens, sets), .note = {}};
    if (!fits(fitted.scenario, available)) continue;
    if (sets == 1) fitted.note = "one set of inputs for all iterations instead of two, to fit the free memory";
    return fitted;
  }
  return std::nullopt;
}

double gib(double bytes) { return bytes / static_cast<double>(std::int64_t{1} << 30); }

}  // namespace

std::int64_t dispatched_row_bytes(const Scenario& scenario) {
  const std::int64_t element =
      scenario.quantize == Quantize::kNone ? static_cast<std::int64_t>(size_of(scenario.x_dtype)) : 1;
  const std::int64_t scales = scenario.quantize == Quantize::kNone ? 0 : scenario.hidden / kQuantBlock;
  return scenario.hidden * element + 4 * scales + std::int64_t{8} * scenario.top_k() + 16;
}

Footprint footprint_of(const Scenario& scenario) {
  Footprint footprint;
  const std::int64_t tokens = scenario.num_ranks * scenario.tokens;
  const auto combine_row = static_cast<std::int64_t>(scenario.combine_row_bytes());
  for (const Routing& routing : scenario.sets) {
    footprint.inputs +=
        tokens * (static_cast<std::int64_t>(scenario.x_row_bytes()) + std::int64_t{8} * scenario.top_k());
    std::int64_t rows = 0;
    for (int rank = 0; rank < scenario.num_ranks; ++rank) {
      rows += RowCounts(scenario, routing, rank, 0, scenario.tokens).total();
    }
    footprint.dispatched += rows * dispatched_row_bytes(scenario);
    footprint.combine += rows * combine_row + tokens * combine_row;
  }
  // rows of an expert layout cross the wire once a rank before they are expanded
  if (scenario.layout != Layout::kFlat)
    footprint.dispatched += std::int64_t{scenario.top_k()} * tokens * dispatched_row_bytes(scenario);
  if (scenario.verify) footprint.verify = std::int64_t{4} * scenario.num_ranks * static_cast<std::int64_t>(kSliceBytes);
  return footprint;
}

FittedScenario fit_scenario(const BenchOptions& options, Mode mode, std::int64_t available) {
  const std::int64_t wanted = tokens_of(options, mode);
  if (auto fitted = try_fit(options, mode, wanted, available)) return std::move(*fitted);
  if (!options.fit_memory) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--tokens: expected a run that fits {:.1f} GiB of free memory, got {} tokens on each of {} "
                            "ranks, whose inputs alone take {:.1f} GiB; --fit-memory takes fewer",
                            gib(static_cast<double>(available)), wanted, options.num_ranks(),
                            gib(least_bytes(make_shape(options, mode, wanted, 1)))));
  }
  for (std::int64_t tokens = wanted * 3 / 4; tokens > 0; tokens = tokens * 3 / 4) {
    auto fitted = try_fit(options, mode, tokens, available);
    if (!fitted) continue;
    const std::string_view sets = fitted->note.empty() ? "" : ", and one set of inputs for all iterations";
    fitted->note = fmt::format("tokens lowered from {} to {} a rank{}, to fit the free memory", wanted, tokens, sets);
    return std::move(*fitted);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("bench: expected room for at least one token a rank, got {} free bytes", available));
}

}  // namespace crossdock::tools::bench
