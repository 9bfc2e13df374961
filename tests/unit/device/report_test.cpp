// A wait that gave up, in words.
#include "device/sync/report.hpp"

#include <gtest/gtest.h>

namespace crossdock::device {
namespace {

constexpr std::uint64_t kTag = (std::uint64_t{2} << 40) | 7;

WaitReport report_of(Phase phase, std::uint64_t expected, std::uint64_t observed) {
  return {.written = 1,
          .operation = Operation::kCombine,
          .phase = phase,
          .rank = 1,
          .peer = 3,
          .expected = expected,
          .observed = observed};
}

TEST(WaitReport, NamesTagsThatAWordHolds) {
  const Error error = error_of(report_of(Phase::kShared, kTag, kTag - 1));
  EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(error.report().phase, "weights");
  EXPECT_EQ(error.report().expected, static_cast<std::int64_t>(kTag));
  EXPECT_EQ(error.report().observed, static_cast<std::int64_t>(kTag - 1));
}

TEST(WaitReport, NamesTheTagOfARow) {
  const Report report = error_of(report_of(Phase::kRows, kTag, kTag - 1)).report();
  EXPECT_EQ(report.phase, "arrival");
  EXPECT_EQ(report.expected, static_cast<std::int64_t>(kTag));
  EXPECT_EQ(report.observed, static_cast<std::int64_t>(kTag - 1));
}

}  // namespace
}  // namespace crossdock::device
