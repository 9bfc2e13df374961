// The flags of crossdock bench and crossdock demo.
#pragma once

#include "bench/options.hpp"
#include "command_line/command_line.hpp"

namespace crossdock::tools::bench {

void add_bench_flags(Flags flags, BenchOptions& options);
/// How the demo is carried out; what it is, is fixed.
void add_demo_flags(Flags flags, BenchOptions& options);

}  // namespace crossdock::tools::bench
