// crossdock bench and crossdock demo.
#pragma once

#include "bench/options.hpp"

namespace crossdock::tools::bench {

/// Runs the modes one after the other and prints what they gave. Returns the exit code: 1 where a rank failed or a byte
/// differs. Throws Error where the options do not fit.
int run_bench(const BenchOptions& options);

/// The same for demo_options() and whatever was asked for beyond: on GPUs where they serve, else on the CPU.
int run_demo(BenchOptions options);

}  // namespace crossdock::tools::bench
