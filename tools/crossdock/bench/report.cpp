#include "bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "bench/footprint.hpp"

namespace crossdock::tools::bench {
namespace {

/// The longest of the ranks, by call.
std::vector<double> call_seconds(const Scenario& scenario, std::size_t calls,
                                 const std::function<double(std::size_t call, std::size_t rank)>& seconds) {
  std::vector<double> longest(calls, 0);
  for (std::size_t call = 0; call < calls; ++call) {
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(scenario.num_ranks); ++rank) {
      longest[call] = std::max(longest[call], seconds(call, rank));
    }
  }
  return longest;
}

/// From the first begin to the last end of a round.
double round_seconds(const Scenario& scenario, const Measurements& measurements, std::size_t round) {
  CopyTime span = measurements.record(0).copies[round];
  for (std::size_t rank = 1; rank < static_cast<std::size_t>(scenario.num_ranks); ++rank) {
    const CopyTime& copy = measurements.record(rank).copies[round];
    span = {.begin = std::min(span.begin, copy.begin), .end = std::max(span.end, copy.end)};
  }
  return span.end - span.begin;
}

/// The best round: a limit is what the machine can do, not what it does on average.
double copy_limit_gbps(const Scenario& scenario, const Measurements& measurements, std::size_t bytes) {
  double best = round_seconds(scenario, measurements, 0);
  for (std::size_t round = 1; round < kCopyRounds; ++round) {
    best = std::min(best, round_seconds(scenario, measurements, round));
  }
  return static_cast<double>(bytes * copies_of_round(bytes)) * scenario.num_ranks / best / 1e9;
}

void add_traffic(const Traffic& traffic, Traffic& sum) {
  sum.logical_bytes += traffic.logical_bytes;
  sum.peer_bytes += traffic.peer_bytes;
  sum.node_bytes += traffic.node_bytes;
}

void add_record(const OperationRecord& record, std::size_t rank, OperationReport& report) {
  report.rows += record.rows;
  add_traffic(record.traffic, report.traffic);
  report.verified_bytes += record.verified_bytes;
  report.differences += record.differences;
  if (report.first_difference.empty() && record.differences > 0) {
    report.first_difference = fmt::format("rank {}: {}", rank, record.first_difference.data());
  }
}

OperationReport make_operation(const Scenario& scenario, const Measurements& measurements,
                               OperationRecord RankRecord::* which, const std::vector<double>& seconds,
                               std::int64_t moved_bytes, double limit_gbps) {
  OperationReport report;
  report.moved_bytes = moved_bytes;
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(scenario.num_ranks); ++rank) {
    add_record(measurements.record(rank).*which, rank, report);
  }
  const auto timed = seconds.begin() + 1 + scenario.warmup;
  report.first_us = seconds.front() * 1e6;
  std::vector<double> timed_us(timed, seconds.end());
  for (double& us : timed_us) us *= 1e6;
  report.us = spread_of(std::move(timed_us));
  const std::int64_t remote = scenario.num_nodes() > 1 ? report.traffic.node_bytes : report.traffic.peer_bytes;
  report.logical_gbps = static_cast<double>(report.traffic.logical_bytes) / report.us.median / 1e3;
  report.remote_gbps = static_cast<double>(remote) / report.us.median / 1e3;
  report.limit_share = static_cast<double>(moved_bytes) / report.us.median / 1e3 / (2 * limit_gbps);
  return report;
}

/// Every rank reads its tokens once, and has its rows.
std::int64_t dispatch_moves(const Scenario& scenario, std::int64_t rows) {
  const std::int64_t tokens = scenario.num_ranks * scenario.tokens;
  return tokens * static_cast<std::int64_t>(scenario.x_row_bytes()) + rows * dispatched_row_bytes(scenario);
}

/// Every row is read once, and every token has its sum.
std::int64_t combine_moves(const Scenario& scenario, std::int64_t rows) {
  return (rows + scenario.num_ranks * scenario.tokens) * static_cast<std::int64_t>(scenario.combine_row_bytes());
}

std::int64_t dispatched_rows(const Scenario& scenario, const Measurements& measurements) {
  std::int64_t rows = 0;
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(scenario.num_ranks); ++rank) {
    rows += measurements.record(rank).dispatch.rows;
  }
  return rows;
}

std::string dispatch_dtype(const Scenario& scenario) {
  return scenario.quantize == Quantize::kNone ? std::string(name_of(scenario.x_dtype))
                                              : fmt::format("{}>fp8", name_of(scenario.x_dtype));
}

}  // namespace

bool ModeReport::ok() const {
  return std::ranges::all_of(operations, [](const OperationReport& operation) { return operation.differences == 0; });
}

ModeReport make_report(const BenchOptions& options, const Scenario& scenario, Measurements& measurements,
                       std::size_t copy_bytes) {
  ModeReport report;
  report.mode = name_of(mode_of(scenario.layout));
  report.layout = name_of(scenario.layout);
  report.tree = name_of(scenario.tree);
  report.routing = routing_kind(options);
  report.tokens = scenario.tokens;
  report.top_k = scenario.top_k();
  report.input_sets = static_cast<int>(scenario.sets.size());
  report.calls = measurements.calls();
  report.num_nodes = scenario.num_nodes();
  report.copy_limit_gbps = copy_limit_gbps(scenario, measurements, copy_bytes);
  report.copy_bytes = copy_bytes;
  report.verified = scenario.verify;
  const auto dispatch_seconds = call_seconds(scenario, measurements.calls(), [&](std::size_t call, std::size_t rank) {
    return measurements.dispatch_seconds(call, rank);
  });
  const auto combine_seconds = call_seconds(scenario, measurements.calls(), [&](std::size_t call, std::size_t rank) {
    return measurements.combine_seconds(call, rank);
  });
  const std::int64_t rows = dispatched_rows(scenario, measurements);
  report.operations.push_back(make_operation(scenario, measurements, &RankRecord::dispatch, dispatch_seconds,
                                             dispatch_moves(scenario, rows), report.copy_limit_gbps));
  report.operations.back().operation = "dispatch";
  report.operations.back().dtype = dispatch_dtype(scenario);
  report.operations.push_back(make_operation(scenario, measurements, &RankRecord::combine, combine_seconds,
                                             combine_moves(scenario, rows), report.copy_limit_gbps));
  report.operations.back().operation = "combine";
  report.operations.back().dtype = name_of(scenario.combine_dtype);
  return report;
}

}  // namespace crossdock::tools::bench
