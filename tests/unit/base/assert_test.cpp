#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace {

TEST(Assert, NothingHappensWhereItHolds) {
  int evaluated = 0;
  CROSSDOCK_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

TEST(AssertDeathTest, StopsAndNamesFileAndCondition) {
  const int rows = 3;
  EXPECT_DEATH(CROSSDOCK_ASSERT(rows == 4), "assert_test.cpp:[0-9]+: assertion failed: rows == 4");
}

}  // namespace
