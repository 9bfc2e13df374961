#include "core/layout/region_table.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "crossdock/error.hpp"

namespace crossdock::core {
namespace {

TEST(RegionTable, RegionsFollowOneAnotherAligned) {
  RegionTable table;
  EXPECT_EQ(table.total(), 0U);
  EXPECT_EQ(table.add(3, 4), 0U);
  EXPECT_EQ(table.add(128, 1), 128U);
  EXPECT_EQ(table.add(0, 8), 256U);
  EXPECT_EQ(table.add(129, 1), 256U);
  EXPECT_EQ(table.total(), 512U);
  EXPECT_EQ(table.offset(1), 128U);
  EXPECT_EQ(table.offset(3), 256U);
}

TEST(RegionTable, RefusesSizesThatOverflow) {
  constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
  RegionTable table;
  EXPECT_THROW(table.add(kMost / 2, 3), Error);
  EXPECT_THROW(table.add(kMost, 1), Error);
  EXPECT_THROW(table.add(kMost - 127, 1), Error);
  EXPECT_EQ(table.add(kMost / 2, 1), 0U);
  EXPECT_THROW(table.add(kMost / 2, 1), Error);
  EXPECT_EQ(table.total(), kMost / 2 + 1);  // a refused region leaves no trace
}

}  // namespace
}  // namespace crossdock::core
