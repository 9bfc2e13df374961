#include "bench/gpu_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace crossdock::tools::bench {
namespace {

double limit_bytes(const GpuPlan& plan, Timed what) {
  switch (what) {
    case Timed::kCombine:
    case Timed::kPairCombine:
      return plan.combine_peer_bytes();
    case Timed::kPair:
      return plan.dispatch_peer_bytes() + plan.combine_peer_bytes();
    default:
      return plan.dispatch_peer_bytes();
  }
}

std::string dispatch_dtype(const Scenario& scenario) {
  const std::string name(name_of(scenario.x_dtype));
  return scenario.quantize == Quantize::kNone ? name : name + ">fp8";
}

void add_verified(const OperationRecord& record, const char* operation, std::size_t rank, GpuReport& report) {
  report.verified_bytes += record.verified_bytes;
  report.differences += record.differences;
  if (record.differences > 0 && report.first_difference.empty()) {
    report.first_difference = fmt::format("rank {}: {} {}", rank, operation, record.first_difference.data());
  }
}

}  // namespace

GpuReport make_gpu_report(const BenchOptions& options, const GpuPlan& plan, GpuMeasurements& measurements) {
  const Scenario& scenario = plan.scenario;
  GpuReport report{.mode = std::string(name_of(mode_of(scenario.layout))),
                   .layout = std::string(name_of(scenario.layout)),
                   .dtype = dispatch_dtype(scenario),
                   .combine_dtype = std::string(name_of(scenario.combine_dtype)),
                   .routing = routing_kind(options),
                   .tokens = scenario.tokens,
                   .top_k = scenario.top_k(),
                   .samples = plan.samples,
                   .peer_rows = plan.peer_rows,
                   .copy_engine_gbps = measurements.copy_engine_gbps(),
                   .sms = plan.sms,
                   .cells = {},
                   .first_difference = {}};
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const TimedCell& cell = plan.cells[i];
    report.cells.push_back({.operation = name_of(cell.what),
                            .sms = cell.sms,
                            .us = measurements.median_us(i),
                            .limit_us = limit_bytes(plan, cell.what) / report.copy_engine_gbps * 1e-3});
  }
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(scenario.num_ranks); ++rank) {
    add_verified(measurements.record(rank).dispatch, "dispatch", rank, report);
    add_verified(measurements.record(rank).combine, "combine", rank, report);
  }
  return report;
}

std::string format_gpu_report(const BenchOptions& options, const GpuReport& report) {
  std::string text = fmt::format(
      "{} mode, {}, dispatch {}, combine {}: {} ranks ({}), {} tokens a rank x {} channels, top-{} of {} experts, "
      "routing {}\ncopy engines {:.1f} GB/s, {:.0f} rows to other ranks; us, and in brackets over the limit\n{:<22} "
      "{:>8}",
      report.mode, report.layout, report.dtype, report.combine_dtype, options.num_ranks(),
      options.threads ? "threads" : "processes", report.tokens, options.hidden, report.top_k, options.experts,
      report.routing, report.copy_engine_gbps, report.peer_rows, "SMs", "limit");
  for (const int sms : report.sms) text += fmt::format("{:>16}", text_of_sms(sms));
  const std::size_t columns = report.sms.size();
  for (std::size_t i = 0; i < report.cells.size(); ++i) {
    const GpuCellReport& cell = report.cells[i];
    if (i % columns == 0) text += fmt::format("\n{:<22} {:>8.1f}", cell.operation, cell.limit_us);
    text += fmt::format("{:>16}", fmt::format("{:.1f} ({:.2f})", cell.us, cell.over_limit()));
  }
  text += fmt::format("\nmedians of {}, the slower rank, by the GPU's timer\n", report.samples);
  if (report.verified_bytes == 0) return text + "not verified\n";
  text += fmt::format("verified: {} bytes, {} differences", report.verified_bytes, report.differences);
  return text + (report.ok() ? "\n" : "; first: " + report.first_difference + "\n");
}

}  // namespace crossdock::tools::bench
