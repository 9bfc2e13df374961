// The numbers of a run on GPUs, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "bench/gpu_plan.hpp"
#include "bench/options.hpp"
#include "provenance.hpp"
#include "spread.hpp"

namespace crossdock::tools::bench {

struct GpuCellReport {
  std::string operation;
  int sms = 0;
  Spread us;
  double limit_us = 0;     ///< bytes for other ranks over the copy engines' rate
  double sm_limit_us = 0;  ///< the same over what so many SMs store (dispatch) or load (combine); 0 = not measured
  double over_limit() const { return limit_us > 0 ? us.median / limit_us : 0; }
  double over_sm_limit() const { return sm_limit_us > 0 ? us.median / sm_limit_us : 0; }
};

struct GpuReport {
  std::string mode;
  std::string layout;
  std::string dtype;
  std::string combine_dtype;
  std::string routing;
  std::string window_sharing;
  std::int64_t tokens = 0;
  int top_k = 0;
  int samples = 0;
  double peer_rows = 0;
  double copy_engine_gbps = 0;
  std::vector<int> sms;
  std::vector<SmRates> sm_rates;  ///< one an SM count; empty where they were not measured
  std::vector<GpuCellReport> cells;
  std::uint64_t verified_bytes = 0;  ///< 0 = not verified
  std::uint64_t differences = 0;
  std::string first_difference;

  bool ok() const { return differences == 0; }
};

GpuReport make_gpu_report(const BenchOptions& options, const GpuPlan& plan, GpuMeasurements& measurements);

/// What was run, then a line an operation and a column an SM count.
std::string format_gpu_report(const BenchOptions& options, const GpuReport& report);

/// Everything as JSON.
std::string to_json(const Provenance& provenance, const BenchOptions& options, const std::string& gpu,
                    const std::vector<GpuReport>& reports);

}  // namespace crossdock::tools::bench
