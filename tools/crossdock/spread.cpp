#include "spread.hpp"

#include <algorithm>
#include <cstddef>

namespace crossdock::tools {

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  const std::size_t rank = (values.size() * 95 + 99) / 100;  // of 20 values the 19th, counted from 1
  return {.least = values.front(), .median = median, .p95 = values[rank - 1]};
}

}  // namespace crossdock::tools
