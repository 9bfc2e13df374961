// One rank of a benchmark.
#pragma once

#include <cstddef>

#include "bench/measurements.hpp"
#include "bench/scenario.hpp"
#include "crossdock/world.hpp"
#include "launch/rendezvous.hpp"

namespace crossdock::tools::bench {

/// Measures the copy limit, dispatch and combine, and compares the last result of each with the reference. Rank 0
/// says on stderr what is being done.
void run_rank(const Scenario& scenario, std::size_t limit_copy_bytes, const World& world, Rendezvous& rendezvous,
              Measurements& measurements);

}  // namespace crossdock::tools::bench
