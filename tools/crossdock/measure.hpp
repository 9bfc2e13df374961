// crossdock info --measure: the limits of the GPUs here and of the links between them, and what kernels take of an SM.
#pragma once

#include <string>
#include <vector>

#include "crossdock/gpu.hpp"

namespace crossdock::tools {

/// GB/s over SM counts.
struct LinkRow {
  std::string name;
  std::vector<double> gbps;
};

struct LinkReport {
  std::string gpu;
  int num_gpus = 0;
  double copy_engine_gbps = 0;
  double round_trip_us = 0;  ///< 0 with one GPU
  std::vector<int> sms;
  std::vector<LinkRow> rows;
  std::vector<crossdock::gpu::KernelFootprint> kernels;  ///< of the first GPU
};

/// Throws Error (kInvalidArgument) where there is no GPU to measure.
void require_links();
/// With one GPU what is between GPUs is left out.
LinkReport measure_links();

/// A line a way of copying, a column an SM count; then a line a kernel.
std::string format_links(const LinkReport& report);

}  // namespace crossdock::tools
