#include "base/math.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace crossdock::base {
namespace {

TEST(DivUp, RoundsUpAndIsExactOnMultiples) {
  EXPECT_EQ(div_up(0, 4), 0);
  EXPECT_EQ(div_up(1, 4), 1);
  EXPECT_EQ(div_up(4, 4), 1);
  EXPECT_EQ(div_up(5, 4), 2);
  EXPECT_EQ(div_up(7, 1), 7);
}

TEST(RoundUp, IsTheSmallestMultipleNotBelow) {
  for (int multiple = 1; multiple <= 17; ++multiple) {
    for (int value = 0; value <= 100; ++value) {
      const int rounded = round_up(value, multiple);
      EXPECT_EQ(rounded % multiple, 0) << value << " to " << multiple;
      EXPECT_GE(rounded, value);
      EXPECT_LT(rounded - value, multiple);
    }
  }
}

TEST(RoundUp, KeepsItsTypeBeyond32Bits) {
  constexpr std::int64_t kValue = (std::int64_t{1} << 40) + 1;
  static_assert(round_up(kValue, std::int64_t{4096}) == (std::int64_t{1} << 40) + 4096);
  EXPECT_EQ(round_up(std::size_t{1} << 33, std::size_t{256}), std::size_t{1} << 33);
}

}  // namespace
}  // namespace crossdock::base
