#include "cpu/fast/workers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <vector>

namespace crossdock::cpu {
namespace {

TEST(Workers, EveryIndexIsVisitedOnce) {
  for (const int size : {1, 2, 5}) {
    Workers workers(size);
    EXPECT_EQ(workers.size(), size);
    for (const std::int64_t count : {0, 1, 3, 1000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      workers.run(count, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
      });
      for (const auto& visit : visits) EXPECT_EQ(visit, 1);
    }
  }
}

/// Computed when it is called, not by the compiler.
float third() {
  const volatile float three = 3.0F;
  return 1.0F / three;
}

TEST(Workers, ComputeInTheDefaultEnvironmentWhateverTheirCreatorHas) {
  const float nearest = third();
  std::fesetround(FE_DOWNWARD);
  Workers workers(3);
  std::vector<float> thirds(3);
  workers.run(3, [&](std::int64_t begin, std::int64_t) { thirds[static_cast<std::size_t>(begin)] = third(); });
  std::fesetround(FE_TONEAREST);
  EXPECT_NE(thirds[0], nearest) << "the caller's own part is in the environment of the caller";
  EXPECT_EQ(thirds[1], nearest);
  EXPECT_EQ(thirds[2], nearest);
}

TEST(Workers, ManyRounds) {
  Workers workers(4);
  std::atomic<std::int64_t> sum = 0;
  for (int round = 0; round < 2000; ++round) {
    workers.run(100, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
  }
  EXPECT_EQ(sum, 200'000);
}

}  // namespace
}  // namespace crossdock::cpu
