#include "base/float_environment.hpp"

#include <gtest/gtest.h>

#include <cfenv>
#include <limits>
#include <stdexcept>

#include "../float_environments.hpp"

namespace crossdock::base {
namespace {

/// Computed when it is called, not by the compiler.
float quotient(float a, float b) {
  const volatile float top = a;
  const volatile float bottom = b;
  return top / bottom;
}

TEST(FloatEnvironment, RoundsToNearest) {
  const float nearest = quotient(1.0F, 3.0F);
  std::fesetround(FE_DOWNWARD);
  const float down = quotient(1.0F, 3.0F);
  float inside = 0;
  {
    const FloatEnvironment environment;
    inside = quotient(1.0F, 3.0F);
  }
  const int after = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_NE(down, nearest);
  EXPECT_EQ(inside, nearest);
  EXPECT_EQ(after, FE_DOWNWARD);
}

#if defined(__x86_64__)

TEST(FloatEnvironment, KeepsSubnormalsAndTrapsNothing) {
  constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
  for (const test::NamedEnvironment& named : test::kEnvironments) {
    const test::UnderEnvironment under(named);
    {
      const FloatEnvironment environment;
      EXPECT_EQ(quotient(3.0F * kSmallest, 2.0F), 2.0F * kSmallest) << named.name;
      EXPECT_EQ(quotient(1.0F, 0.0F), std::numeric_limits<float>::infinity());
    }
    EXPECT_TRUE(under.is_as_set()) << named.name;
  }
}

TEST(FloatEnvironment, IsBackWhenAnExceptionLeaves) {
  const test::UnderEnvironment under(test::kEnvironments[3]);
  EXPECT_THROW(
      {
        const FloatEnvironment environment;
        throw std::runtime_error("any");
      },
      std::runtime_error);
  EXPECT_TRUE(under.is_as_set());
}

#endif

}  // namespace
}  // namespace crossdock::base
