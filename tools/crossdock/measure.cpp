#include "measure.hpp"

#include <fmt/format.h>

#include "backend.hpp"
#include "crossdock/error.hpp"
#include "gpu/device.hpp"
#include "gpu/link.hpp"

namespace crossdock::tools {
namespace {

using Way = gpu::LinkBench::Way;

LinkRow measure_row(const gpu::LinkBench& bench, const char* name, Way way, bool bulk, const std::vector<int>& sms) {
  LinkRow row{.name = name, .gbps = {}};
  for (const int count : sms) row.gbps.push_back(bench.copy_rate(way, bulk, count));
  return row;
}

std::string format_kernels(const std::vector<crossdock::gpu::KernelFootprint>& kernels) {
  std::string text = fmt::format("{:<48}{:>9}{:>11}{:>14}{:>15}{:>10}\n", "kernel", "threads", "registers",
                                 "static bytes", "dynamic bytes", "an SM");
  for (const auto& kernel : kernels) {
    text += fmt::format("{:<48}{:>9}{:>11}{:>14}{:>15}{:>10}\n", kernel.name, kernel.threads, kernel.registers,
                        kernel.static_shared_bytes, kernel.dynamic_shared_bytes, kernel.blocks_per_sm);
  }
  return text;
}

}  // namespace

void require_links() {
  if (const std::string obstacle = cuda_obstacle({}); !obstacle.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "--measure: " + obstacle);
  }
}

LinkReport measure_links() {
  LinkReport report{.gpu = gpu::describe_device(0),
                    .num_gpus = gpu::count_devices(),
                    .sms = {1, 2, 4, 8, 12, 16, 20, 24, 32, 64, 132},
                    .rows = {},
                    .kernels = crossdock::gpu::footprint()};
  report.copy_engine_gbps = gpu::copy_engine_rate(report.num_gpus);
  const gpu::LinkBench bench(report.num_gpus);
  const auto add = [&](const char* name, Way way, bool bulk) {
    report.rows.push_back(measure_row(bench, name, way, bulk, report.sms));
  };
  if (report.num_gpus > 1) {
    report.round_trip_us = bench.round_trip_us();
    add("plain store", Way::kStore, false);
    add("bulk store", Way::kStore, true);
    add("plain load", Way::kLoad, false);
    add("bulk load", Way::kLoad, true);
  }
  add("plain at home", Way::kHome, false);
  add("bulk at home", Way::kHome, true);
  return report;
}

std::string format_links(const LinkReport& report) {
  std::string text = fmt::format("{} of {}: copy engines {:.1f} GB/s {}", report.num_gpus, report.gpu,
                                 report.copy_engine_gbps, report.num_gpus > 1 ? "each way at once" : "inside the GPU");
  if (report.round_trip_us > 0) text += fmt::format(", flag round trip {:.2f} us", report.round_trip_us);
  text += fmt::format("\n{:<16}", "GB/s, SMs");
  for (const int sms : report.sms) text += fmt::format("{:>8}", sms);
  for (const LinkRow& row : report.rows) {
    text += fmt::format("\n{:<16}", row.name);
    for (const double gbps : row.gbps) text += fmt::format("{:>8.1f}", gbps);
  }
  return text + "\n\n" + format_kernels(report.kernels);
}

}  // namespace crossdock::tools
