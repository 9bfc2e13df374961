#include "command_line/integer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace crossdock::tools {
namespace {

TEST(Integer, DecimalsAreRead) {
  EXPECT_EQ(parse_integer<int>("0"), 0);
  EXPECT_EQ(parse_integer<int>("4096"), 4096);
  EXPECT_EQ(parse_integer<int>("-7"), -7);
  EXPECT_EQ(parse_integer<int>("2147483647"), std::numeric_limits<int>::max());
  EXPECT_EQ(parse_integer<std::uint64_t>("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_integer<std::int64_t>("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
}

class NoInteger : public ::testing::TestWithParam<const char*> {};

TEST_P(NoInteger, IsRefused) {
  EXPECT_EQ(parse_integer<int>(GetParam()), std::nullopt);
  EXPECT_EQ(parse_integer<std::uint64_t>(GetParam()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Texts, NoInteger,
                         ::testing::Values("", "-", "-0", "00", "010", "-010", "0x10", "1e3", "1.0", "+1", " 1", "1 ",
                                           "1x", "--1", "18446744073709551616", "-18446744073709551616"));

TEST(Integer, DoesNotWrap) {
  EXPECT_EQ(parse_integer<int>("2147483648"), std::nullopt);
  EXPECT_EQ(parse_integer<std::uint64_t>("-1"), std::nullopt);
}

}  // namespace
}  // namespace crossdock::tools
