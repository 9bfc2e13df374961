#include "base/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>

#include "crossdock/error.hpp"

namespace crossdock::base {
namespace {

using ::testing::HasSubstr;

constexpr const char* kName = "CROSSDOCK_TEST_VARIABLE";

class Environment : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv(kName); }

  static void set(const std::string& value) { setenv(kName, value.c_str(), 1); }
};

TEST_F(Environment, UnsetAndEmptyAreNothing) {
  unsetenv(kName);
  EXPECT_EQ(environment_text(kName), std::nullopt);
  EXPECT_EQ(environment_integer(kName, 0, 10), std::nullopt);
  set("");
  EXPECT_EQ(environment_text(kName), std::nullopt);
  EXPECT_EQ(environment_integer(kName, 0, 10), std::nullopt);
}

TEST_F(Environment, EmptyIsSet) {
  unsetenv(kName);
  EXPECT_FALSE(environment_has(kName));
  set("");
  EXPECT_TRUE(environment_has(kName));
  set("x");
  EXPECT_TRUE(environment_has(kName));
}

TEST_F(Environment, TextComesAsItIs) {
  set(" a b ");
  EXPECT_EQ(environment_text(kName), " a b ");
}

TEST_F(Environment, IntegersOfTheRangeBothEndsIncluded) {
  for (const std::int64_t value : {-3, 0, 7}) {
    set(std::to_string(value));
    EXPECT_EQ(environment_integer(kName, -3, 7), value);
  }
}

TEST_F(Environment, LargestAndSmallestInteger) {
  using Limits = std::numeric_limits<std::int64_t>;
  for (const std::int64_t value : {Limits::min(), Limits::max()}) {
    set(std::to_string(value));
    EXPECT_EQ(environment_integer(kName, Limits::min(), Limits::max()), value);
  }
}

class MalformedInteger : public Environment, public ::testing::WithParamInterface<const char*> {};

TEST_P(MalformedInteger, IsRefusedByNameRangeAndText) {
  set(GetParam());
  try {
    environment_integer(kName, -3, 7);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr(kName));
    EXPECT_THAT(error.what(), HasSubstr("[-3, 7]"));
    EXPECT_THAT(error.what(), HasSubstr("got \"" + std::string(GetParam()) + "\""));
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, MalformedInteger,
                         ::testing::Values("8", "-4", "seven", "7x", " 7", "7 ", "+7", "0x7", "1.0", "-",
                                           "99999999999999999999"));

}  // namespace
}  // namespace crossdock::base
