#include <gtest/gtest.h>

#include "check/command.hpp"
#include "random_cases.hpp"

namespace crossdock::tools::check {
namespace {

TEST(RandomCases, ProcessesGiveTheBitsOfTheReference) {
  EXPECT_EQ(run_check({.seed = 202, .cases = kNumCases, .threads = false}), 0);
}

}  // namespace
}  // namespace crossdock::tools::check
