#include "bench/gpu_plan.hpp"

#include <algorithm>
#include <utility>

#include "launch/launched.hpp"

namespace crossdock::tools::bench {
namespace {

/// Sets of inputs that calls take in turn, so that neither x nor the routing stays in a cache. Fewer where they are
/// large.
constexpr int kSets = 8;
constexpr std::int64_t kMostTokens = 32768;

bool goes_to(const Scenario& scenario, const std::int32_t* row, int top_k, int rank) {
  return std::any_of(row, row + top_k, [&](std::int32_t expert) { return scenario.is_local(expert, rank); });
}

double count_peer_rows(const Scenario& scenario) {
  std::int64_t rows = 0;
  for (const Routing& routing : scenario.sets) {
    for (int source = 0; source < scenario.num_ranks; ++source) {
      for (std::int64_t token = 0; token < scenario.tokens; ++token) {
        const std::int32_t* row = routing.experts.data() + routing.at(source, token);
        for (int rank = 0; rank < scenario.num_ranks; ++rank) {
          if (rank != source && goes_to(scenario, row, routing.top_k, rank)) ++rows;
        }
      }
    }
  }
  return static_cast<double>(rows) / static_cast<double>(scenario.sets.size()) / scenario.num_ranks;
}

std::int64_t count_most_rows(const Scenario& scenario) {
  std::int64_t most = 0;
  for (const Routing& routing : scenario.sets) {
    for (int rank = 0; rank < scenario.num_ranks; ++rank) {
      most = std::max(most, RowCounts(scenario, routing, rank, 0, scenario.tokens).total());
    }
  }
  return most;
}

std::vector<TimedCell> cells_of(Mode mode, const std::vector<int>& sms) {
  const std::vector<Timed> timed = mode == Mode::kLatency
                                       ? std::vector{Timed::kPair, Timed::kPairDispatch, Timed::kPairCombine}
                                       : std::vector{Timed::kDispatch, Timed::kCached, Timed::kExact, Timed::kCombine};
  std::vector<TimedCell> cells;
  for (const Timed what : timed) {
    for (const int count : sms) cells.push_back({.what = what, .sms = count});
  }
  return cells;
}

}  // namespace

const char* name_of(Timed timed) {
  switch (timed) {
    case Timed::kDispatch:
      return "dispatch";
    case Timed::kCached:
      return "dispatch, cached";
    case Timed::kExact:
      return "dispatch, exact size";
    case Timed::kCombine:
      return "combine";
    case Timed::kPair:
      return "pair";
    case Timed::kPairDispatch:
      return "dispatch of a pair";
    default:
      return "combine of a pair";
  }
}

std::string text_of_sms(int sms) { return sms == 0 ? "default" : std::to_string(sms); }

double GpuPlan::dispatch_peer_bytes() const {
  const bool fp8 = scenario.x_dtype == DType::kFp8E4m3 || scenario.quantize != Quantize::kNone;
  const int fp8_bytes = scenario.hidden + 4 * (scenario.hidden / kQuantBlock);
  return peer_rows * (fp8 ? fp8_bytes : static_cast<double>(scenario.x_row_bytes()));
}

double GpuPlan::combine_peer_bytes() const { return peer_rows * static_cast<double>(scenario.combine_row_bytes()); }

GpuPlan make_gpu_plan(const BenchOptions& options, Mode mode) {
  const std::int64_t tokens = tokens_of(options, mode);
  const int sets =
      static_cast<int>(std::clamp<std::int64_t>(kMostTokens / std::max<std::int64_t>(tokens, 1), 2, kSets));
  GpuPlan plan{.scenario = make_scenario(options, mode, tokens, sets), .sms = options.sms, .cells = {}};
  if (plan.sms.empty()) plan.sms = mode == Mode::kLatency ? std::vector{0} : std::vector{8, 16, 24};
  plan.cells = cells_of(mode, plan.sms);
  plan.warmup = options.warmup_on(Backend::kCuda);
  plan.samples = options.iterations_on(Backend::kCuda);
  plan.peer_rows = count_peer_rows(plan.scenario);
  plan.rows = count_most_rows(plan.scenario);
  plan.scenario.config.num_sms = *std::ranges::max_element(plan.sms);
  plan.scenario.config.live_results = 4;
  return plan;
}

Spread GpuMeasurements::spread_us(std::size_t cell) {
  std::vector<double> slower(samples_, 0);
  for (std::size_t sample = 0; sample < samples_; ++sample) {
    for (std::size_t rank = 0; rank < num_ranks_; ++rank) {
      slower[sample] = std::max(slower[sample], us(cell, sample, rank));
    }
  }
  return spread_of(std::move(slower));
}

void GpuMeasurements::gather(const World& world) {
  gather_columns(world, us_);
  gather_columns(world, records_);
  spread_from_rank_0(world, rate_);
  spread_from_rank_0(world, sm_rates_);
  spread_from_rank_0(world, window_sharing_);
}

}  // namespace crossdock::tools::bench
