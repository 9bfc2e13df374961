#include "bench/gpu_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace crossdock::tools::bench {
namespace {

double peer_bytes(const GpuPlan& plan, Timed what) {
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

double us_of(double bytes, double gbps) { return gbps > 0 ? bytes / gbps * 1e-3 : 0; }

GpuCellReport report_cell(const GpuPlan& plan, std::size_t index, GpuMeasurements& measurements) {
  const TimedCell& cell = plan.cells[index];
  const SmRates& sms = measurements.sm_rates(index % plan.sms.size());
  const double bytes = peer_bytes(plan, cell.what);
  return {.operation = name_of(cell.what),
          .sms = cell.sms,
          .us = measurements.spread_us(index),
          .limit_us = us_of(bytes, measurements.copy_engine_gbps()),
          .sm_limit_us = us_of(bytes, cell.what == Timed::kCombine ? sms.load_gbps : sms.store_gbps)};
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

std::string format_rates(const char* name, const GpuReport& report, double SmRates::* gbps) {
  std::string text = fmt::format("\n{:<31}", name);
  for (const SmRates& rates : report.sm_rates) text += fmt::format(" {:>20.1f}", rates.*gbps);
  return text;
}

std::string format_cell(const GpuCellReport& cell) {
  if (cell.sm_limit_us == 0) return fmt::format("{:.1f} ({:.2f})", cell.us.median, cell.over_limit());
  return fmt::format("{:.1f} ({:.2f}, {:.2f})", cell.us.median, cell.over_limit(), cell.over_sm_limit());
}

}  // namespace

GpuReport make_gpu_report(const BenchOptions& options, const GpuPlan& plan, GpuMeasurements& measurements) {
  const Scenario& scenario = plan.scenario;
  GpuReport report{.mode = std::string(name_of(mode_of(scenario.layout))),
                   .layout = std::string(name_of(scenario.layout)),
                   .dtype = dispatch_dtype(scenario),
                   .combine_dtype = std::string(name_of(scenario.combine_dtype)),
                   .routing = routing_kind(options),
                   .window_sharing = std::string(name_of(measurements.window_sharing())),
                   .tokens = scenario.tokens,
                   .top_k = scenario.top_k(),
                   .samples = plan.samples,
                   .peer_rows = plan.peer_rows,
                   .copy_engine_gbps = measurements.copy_engine_gbps(),
                   .sms = plan.sms,
                   .sm_rates = {},
                   .cells = {},
                   .first_difference = {}};
  for (std::size_t i = 0; i < plan.sms.size(); ++i) {
    if (measurements.sm_rates(i).store_gbps > 0) report.sm_rates.push_back(measurements.sm_rates(i));
  }
  for (std::size_t i = 0; i < plan.cells.size(); ++i) report.cells.push_back(report_cell(plan, i, measurements));
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(scenario.num_ranks); ++rank) {
    add_verified(measurements.record(rank).dispatch, "dispatch", rank, report);
    add_verified(measurements.record(rank).combine, "combine", rank, report);
  }
  return report;
}

std::string format_gpu_report(const BenchOptions& options, const GpuReport& report) {
  std::string text = fmt::format(
      "{} mode, {}, dispatch {}, combine {}: {} ranks ({}, windows by {}), {} tokens a rank x {} channels, "
      "top-{} of {} experts, routing {}\n"
      "copy engines {:.1f} GB/s, {:.0f} rows to other ranks; us, and in brackets over the limit{}\n"
      "{:<22} {:>8}",
      report.mode, report.layout, report.dtype, report.combine_dtype, options.num_ranks(),
      options.threads ? "threads" : "processes", report.window_sharing, report.tokens, options.hidden, report.top_k,
      options.experts, report.routing, report.copy_engine_gbps, report.peer_rows,
      report.sm_rates.empty() ? "" : " and over what so many SMs store (dispatch) or load (combine)", "SMs", "limit");
  for (const int sms : report.sms) text += fmt::format(" {:>20}", text_of_sms(sms));
  if (!report.sm_rates.empty()) {
    text += format_rates("SMs store, GB/s", report, &SmRates::store_gbps);
    text += format_rates("SMs load, GB/s", report, &SmRates::load_gbps);
  }
  const std::size_t columns = report.sms.size();
  for (std::size_t i = 0; i < report.cells.size(); ++i) {
    const GpuCellReport& cell = report.cells[i];
    if (i % columns == 0) text += fmt::format("\n{:<22} {:>8.1f}", cell.operation, cell.limit_us);
    text += fmt::format(" {:>20}", format_cell(cell));
  }
  text += fmt::format("\nmedians of {}, the slower rank, by the GPU's timer\n", report.samples);
  if (report.verified_bytes == 0) return text + "not verified\n";
  text += fmt::format("verified, one call of each operation: {} bytes, {} differences", report.verified_bytes,
                      report.differences);
  return text + (report.ok() ? "\n" : "; first: " + report.first_difference + "\n");
}

}  // namespace crossdock::tools::bench
