// Times of one thing, done several times.
#pragma once

#include <vector>

namespace crossdock::tools {

struct Spread {
  double least = 0;
  double median = 0;  ///< the mean of both in the middle where they are even in number
  double p95 = 0;     ///< the least value that 95 % do not exceed
};

/// Zeros where there are no values.
Spread spread_of(std::vector<double> values);

}  // namespace crossdock::tools
