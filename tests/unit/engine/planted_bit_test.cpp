#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

/// Builds for tests read the variable; all others do not know it, whatever it holds.
class PlantedBit : public testing::Test {
 protected:
  void TearDown() override { unsetenv("CROSSDOCK_FLIP_BIT"); }

  static void make_group() {
    const World world = World::threads(1)[0];
    const Group group(world, small_config(std::chrono::seconds(20)));
  }
};

TEST_F(PlantedBit, IsARowNumberInBuildsForTestsAlone) {
  for (const char* value : {"-1", "one", "1x"}) {
    setenv("CROSSDOCK_FLIP_BIT", value, 1);
#if CROSSDOCK_FAULT_INJECTION
    EXPECT_ERROR(make_group(), ErrorCode::kInvalidArgument, "CROSSDOCK_FLIP_BIT");
#else
    EXPECT_NO_THROW(make_group());
#endif
  }
}

}  // namespace
}  // namespace crossdock::test
