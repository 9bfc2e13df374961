#include "bench/footprint.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/slices.hpp"
#include "crossdock/error.hpp"

namespace crossdock::tools::bench {
namespace {

/// Pages, staging of the library and of the reference, allocator gaps.
constexpr double kSlack = 1.2;
/// Of the available memory.
constexpr double kShare = 0.85;

std::int64_t dispatched_row_bytes(const Scenario& scenario) {
  const std::int64_t element =
      scenario.quantize == Quantize::kNone ? static_cast<std::int64_t>(size_of(scenario.x_dtype)) : 1;
  const std::int64_t scales = scenario.quantize == Quantize::kNone ? 0 : scenario.hidden / kQuantBlock;
  return scenario.hidden * element + 4 * scales + std::int64_t{8} * scenario.top_k() + 16;
}

bool fits(const Scenario& scenario, std::int64_t available) {
  return static_cast<double>(footprint_of(scenario).total()) * kSlack < static_cast<double>(available) * kShare;
}

}  // namespace

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
  FittedScenario fitted{.scenario = make_scenario(options, mode, wanted, 2), .note = {}};
  if (fits(fitted.scenario, available)) return fitted;
  for (std::int64_t tokens = wanted; tokens > 0; tokens = tokens * 3 / 4) {
    fitted.scenario = make_scenario(options, mode, tokens, 1);
    if (!fits(fitted.scenario, available)) continue;
    fitted.note = tokens == wanted ? "one set of inputs for all iterations instead of two, to fit the free memory"
                                   : fmt::format(
                                         "tokens lowered from {} to {} a rank, and one set of inputs for all "
                                         "iterations, to fit the free memory",
                                         wanted, tokens);
    return fitted;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("bench: expected room for at least one token a rank, got {} free bytes", available));
}

}  // namespace crossdock::tools::bench
