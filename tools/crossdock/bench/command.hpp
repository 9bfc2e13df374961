// crossdock bench and crossdock demo.
#pragma once

#include "bench/options.hpp"
#include "provenance.hpp"

namespace crossdock::tools::bench {

/// Runs the modes one after the other and prints what they gave. Returns the exit code: 1 where a rank failed or a byte
/// differs. Where a launcher's variables make this process one of several ranks it is that rank, and rank 0 prints.
/// Throws Error (kInvalidArgument) where the options do not fit, before anything is run.
int run_bench(const BenchOptions& wanted, const Provenance& provenance);

/// The same for demo_options() and whatever was asked for beyond: on GPUs where they serve, else on the CPU.
int run_demo(BenchOptions options, const Provenance& provenance);

}  // namespace crossdock::tools::bench
