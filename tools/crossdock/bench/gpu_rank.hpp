// One rank of a benchmark on GPUs.
#pragma once

#include "bench/gpu_plan.hpp"
#include "crossdock/world.hpp"
#include "launch/rendezvous.hpp"

namespace crossdock::tools::bench {

/// Measures the copy engines and what SMs store and load (rank 0), and every cell of the plan, and compares one
/// dispatch and one combine with the reference where the scenario says so. Rank 0 says on stderr what is being done.
void run_gpu_rank(const GpuPlan& plan, const World& world, Rendezvous& rendezvous, GpuMeasurements& measurements);

}  // namespace crossdock::tools::bench
