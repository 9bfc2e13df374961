// Memory that a scenario will really use, and what to do where that is too much.
#pragma once

#include <cstdint>
#include <string>

#include "bench/scenario.hpp"

namespace crossdock::tools::bench {

/// Of all ranks together. Windows are committed page by page, so what counts is rows that arrive, not the worst case.
struct Footprint {
  std::int64_t inputs = 0;
  std::int64_t dispatched = 0;  ///< results of all input sets
  std::int64_t combine = 0;     ///< combine's inputs and outputs
  std::int64_t verify = 0;      ///< scratch of the comparison

  std::int64_t total() const { return inputs + dispatched + combine + verify; }
};

Footprint footprint_of(const Scenario& scenario);

/// Bytes of a row that dispatch returns, with its scales, choices and weights.
std::int64_t dispatched_row_bytes(const Scenario& scenario);

/// The scenario of the options where it fits into `available` bytes; else with one input set instead of two, then,
/// where the options allow it (fit_memory), with fewer tokens. `note` says what was changed, and is empty where nothing
/// was. Throws Error where that does not fit; what cannot fit is seen before any routing is made.
struct FittedScenario {
  Scenario scenario;
  std::string note;
};
FittedScenario fit_scenario(const BenchOptions& options, Mode mode, std::int64_t available);

}  // namespace crossdock::tools::bench
