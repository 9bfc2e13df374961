// crossdock bench and crossdock demo.
#pragma once

#include "bench/options.hpp"

namespace crossdock::tools::bench {

/// Runs the modes one after the other and prints what they gave. Returns the exit code: 1 where a rank failed or a byte
/// differs. Throws Error where the options do not fit.
int run_bench(const BenchOptions& options);

}  // namespace crossdock::tools::bench
