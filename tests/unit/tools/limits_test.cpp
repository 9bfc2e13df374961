#include "limits.hpp"

#include <gtest/gtest.h>

namespace crossdock::tools {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

TEST(Limits, CopiesAreAsLargeAsTheOperationUpToTheCaches) {
  EXPECT_EQ(copy_bytes(64 * kMiB, 40 * kMiB, 4), 5U * kMiB) << "half is read, half written";
  EXPECT_EQ(copy_bytes(64 * kMiB, 4000 * kMiB, 4), 80U * kMiB) << "five times the caches, by four ranks";
  EXPECT_EQ(copy_bytes(1 * kMiB, 4000 * kMiB, 4), kLeastCopyBytes) << "small caches";
  EXPECT_EQ(copy_bytes(64 * kMiB, 1, 4), 65536U) << "never nothing";
}

TEST(Limits, SmallCopiesAreRepeated) {
  EXPECT_EQ(copies_of_round(65536), 512U);
  EXPECT_EQ(copies_of_round(kLeastCopyBytes), 1U);
  EXPECT_EQ(copies_of_round(100 * kLeastCopyBytes), 1U);
}

}  // namespace
}  // namespace crossdock::tools
