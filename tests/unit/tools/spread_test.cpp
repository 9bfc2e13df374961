#include "spread.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace crossdock::tools {
namespace {

Spread of_first(int count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.rbegin(), values.rend(), 1);
  return spread_of(values);
}

TEST(Spread, IsOfTheSortedValues) {
  EXPECT_EQ(of_first(1).least, 1);
  EXPECT_EQ(of_first(1).median, 1);
  EXPECT_EQ(of_first(1).p95, 1);
  EXPECT_EQ(of_first(4).median, 2.5);
  EXPECT_EQ(of_first(5).median, 3);
  EXPECT_EQ(of_first(5).p95, 5);
  EXPECT_EQ(of_first(20).p95, 19);
  EXPECT_EQ(of_first(21).p95, 20);
  EXPECT_EQ(of_first(100).p95, 95);
  EXPECT_EQ(of_first(101).p95, 96);
  EXPECT_EQ(of_first(100).least, 1);
}

TEST(Spread, OfNothingIsZero) { EXPECT_EQ(spread_of({}).p95, 0); }

}  // namespace
}  // namespace crossdock::tools
