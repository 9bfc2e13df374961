#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "check/command.hpp"
#include "random_cases.hpp"

namespace crossdock::tools::check {
namespace {

TEST(RandomCases, ThreadsGiveTheBitsOfTheReference) {
  EXPECT_EQ(run_check({.seed = 101, .cases = kNumCases, .processes = false}), 0);
}

TEST(RandomCases, EachOfManySeedsStartsDifferently) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    EXPECT_EQ(run_check({.seed = seed, .cases = 1, .processes = false}), 0);
  }
}

/// A planted error is found, and the printed line alone repeats it.
class PlantedBit : public testing::Test {
 protected:
  void SetUp() override { setenv("CROSSDOCK_FLIP_BIT", "0", 1); }
  void TearDown() override { unsetenv("CROSSDOCK_FLIP_BIT"); }

#if CROSSDOCK_FAULT_INJECTION
  static std::string output_of_failing(const CheckOptions& options) {
    testing::internal::CaptureStdout();
    EXPECT_NE(run_check(options), 0);
    return testing::internal::GetCapturedStdout();
  }
#endif
};

#if CROSSDOCK_FAULT_INJECTION

TEST_F(PlantedBit, IsFoundAndReplayed) {
  const std::string first = output_of_failing({.seed = 7, .cases = 20, .processes = false});
  const std::string line = "replay: CROSSDOCK_FLIP_BIT=0 crossdock check --seed 7 --case ";
  const std::size_t at = first.find(line);
  ASSERT_NE(at, std::string::npos) << first;
  const CheckOptions replay{.seed = 7, .only = std::stoll(first.substr(at + line.size())), .processes = false};
  EXPECT_THAT(output_of_failing(replay), testing::HasSubstr(first.substr(at, first.find('\n', at) - at)));
  unsetenv("CROSSDOCK_FLIP_BIT");
  EXPECT_EQ(run_check(replay), 0) << "without the bit the case is right";
}
#else
TEST_F(PlantedBit, IsNotThereInABuildForUsers) {
  EXPECT_EQ(run_check({.seed = 7, .cases = 20, .processes = false}), 0);
}
#endif

}  // namespace
}  // namespace crossdock::tools::check
