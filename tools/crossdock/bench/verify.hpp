// Every byte of a result against the reference, slice by slice, so that memory stays bounded at full size.
#pragma once

#include <functional>

#include "bench/scenario.hpp"
#include "bench/tally.hpp"
#include "crossdock/operations.hpp"

namespace crossdock::tools::bench {

/// Called now and then with the share done.
using Progress = std::function<void(double share)>;

/// `result` is what a dispatch of input set `set` returned on `rank`.
Tally verify_dispatch(const Scenario& scenario, int set, int rank, const DispatchResult& result,
                      const Progress& progress);

/// `result` is what combine returned for rows made by apply_experts.
Tally verify_combine(const Scenario& scenario, int set, int rank, const CombineResult& result,
                     const Progress& progress);

}  // namespace crossdock::tools::bench
