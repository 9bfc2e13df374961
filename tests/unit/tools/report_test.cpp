#include "bench/report.hpp"

#include <gtest/gtest.h>

namespace crossdock::tools::bench {
namespace {

/// Two ranks that send every token to both, four calls of which the last two are timed.
class Report : public ::testing::Test {
 protected:
  static BenchOptions options() {
    BenchOptions options;
    options.ranks_per_node = 2;
    options.tokens = 16;
    options.hidden = 128;
    options.experts = 2;
    options.top_k = 2;
    options.dtype = "bf16";
    options.iterations = 2;
    options.warmup = 1;
    return options;
  }
};

TEST_F(Report, HoldsWhatACallMovesAgainstWhatCopiesMove) {
  const Scenario scenario = make_scenario(options(), Mode::kThroughput, 16, 1);
  Measurements measurements(scenario);
  ASSERT_EQ(measurements.calls(), 4U);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    RankRecord& record = measurements.record(rank);
    record.dispatch.rows = 32;
    for (CopyTime& copy : record.copies) copy = {.begin = 1, .end = 2};
    for (std::size_t call = 0; call < 4; ++call) {
      measurements.dispatch_seconds(call, rank) = 1e-3 * static_cast<double>(call + 1);
      measurements.combine_seconds(call, rank) = 1e-3;
    }
  }
  const std::size_t bytes = kLeastCopyBytes / 4;  // four of them a round
  const ModeReport report = make_report(options(), scenario, measurements, bytes);
  EXPECT_DOUBLE_EQ(report.copy_limit_gbps, 2 * static_cast<double>(kLeastCopyBytes) / 1e9);
  EXPECT_EQ(report.calls, 4U);
  const OperationReport& dispatch = report.operations[0];
  EXPECT_EQ(dispatch.moved_bytes, 32 * 256 + 64 * (256 + 16 + 16)) << "tokens, then rows with choices and weights";
  EXPECT_DOUBLE_EQ(dispatch.us.least, 3000);
  EXPECT_DOUBLE_EQ(dispatch.us.median, 3500);
  EXPECT_DOUBLE_EQ(dispatch.us.p95, 4000);
  EXPECT_DOUBLE_EQ(dispatch.limit_share,
                   static_cast<double>(dispatch.moved_bytes) / 3.5e-3 / (2e9 * report.copy_limit_gbps));
  EXPECT_EQ(report.operations[1].moved_bytes, (64 + 32) * 256) << "rows, then sums";
}

}  // namespace
}  // namespace crossdock::tools::bench
