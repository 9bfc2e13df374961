#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/gpu_plan.hpp"
#include "bench/gpu_report.hpp"
#include "bench/verify.hpp"

namespace crossdock::tools::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

BenchOptions small_options() {
  BenchOptions options;
  options.ranks_per_node = 2;
  options.hidden = 256;
  options.experts = 8;
  options.top_k = 2;
  options.tokens = 40;
  options.iterations = 3;
  options.sms = {4, 16};
  options.dtype = "fp8";
  return options;
}

TEST(GpuPlan, CountsRowsForOtherRanks) {
  BenchOptions options = small_options();
  options.experts = 2;  // top-2 of 2: every token goes to both ranks
  const GpuPlan plan = make_gpu_plan(options, Mode::kThroughput);
  EXPECT_EQ(plan.peer_rows, 40);
  EXPECT_EQ(plan.rows, 80);
  EXPECT_EQ(plan.dispatch_peer_bytes(), 40 * (256 + 8)) << "fp8 and two scales";
  EXPECT_EQ(plan.combine_peer_bytes(), 40 * 512);
  EXPECT_EQ(plan.scenario.config.num_sms, 16);
}

TEST(GpuPlan, ACellForEveryOperationAndSmCount) {
  EXPECT_EQ(make_gpu_plan(small_options(), Mode::kThroughput).cells.size(), 8U);
  const GpuPlan latency = make_gpu_plan(small_options(), Mode::kLatency);
  ASSERT_EQ(latency.cells.size(), 6U);
  EXPECT_EQ(latency.cells[3].what, Timed::kPairDispatch);
  EXPECT_EQ(latency.cells[3].sms, 16);
}

TEST(GpuPlan, ReadyFp8HasScales) {
  BenchOptions options = small_options();
  options.ready = true;
  const GpuPlan plan = make_gpu_plan(options, Mode::kThroughput);
  EXPECT_EQ(plan.scenario.x_dtype, DType::kFp8E4m3);
  EXPECT_EQ(plan.scenario.scale_words(), 2);
  EXPECT_EQ(plan.dispatch_peer_bytes(), plan.peer_rows * (256 + 8));
}

TEST(GpuReport, IsTheMedianOfTheSlowerRank) {
  const BenchOptions options = small_options();
  const GpuPlan plan = make_gpu_plan(options, Mode::kThroughput);
  GpuMeasurements measurements(plan);
  measurements.copy_engine_gbps() = 100;
  for (std::size_t sample = 0; sample < 3; ++sample) {
    measurements.us(1, sample, 0) = 10.0 * static_cast<double>(sample);
    measurements.us(1, sample, 1) = 15;
  }
  const GpuReport report = make_gpu_report(options, plan, measurements);  // slower: 15, 15, 20
  EXPECT_EQ(report.cells[1].us.least, 15);
  EXPECT_EQ(report.cells[1].us.median, 15);
  EXPECT_EQ(report.cells[1].us.p95, 20);
  EXPECT_EQ(report.cells[1].sms, 16);
  EXPECT_DOUBLE_EQ(report.cells[1].limit_us, plan.dispatch_peer_bytes() / 100e3);
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(format_gpu_report(options, report), HasSubstr("dispatch, exact size"));
}

TEST(GpuReport, HoldsCallsAgainstWhatAsManySmsStoreOrLoad) {
  const BenchOptions options = small_options();
  const GpuPlan plan = make_gpu_plan(options, Mode::kThroughput);
  GpuMeasurements measurements(plan);
  measurements.copy_engine_gbps() = 100;
  measurements.sm_rates(0) = {.store_gbps = 20, .load_gbps = 10};
  measurements.sm_rates(1) = {.store_gbps = 80, .load_gbps = 50};
  const double dispatch_us = plan.dispatch_peer_bytes() / 80e3;
  const double combine_us = plan.combine_peer_bytes() / 50e3;
  for (std::size_t sample = 0; sample < 3; ++sample) {
    measurements.us(3, sample, 0) = 1.5 * dispatch_us;
    measurements.us(7, sample, 0) = 1.25 * combine_us;
  }
  const GpuReport report = make_gpu_report(options, plan, measurements);
  EXPECT_DOUBLE_EQ(report.cells[0].sm_limit_us, 4 * dispatch_us) << "4 SMs";
  EXPECT_DOUBLE_EQ(report.cells[3].sm_limit_us, dispatch_us) << "16 SMs, cached";
  EXPECT_DOUBLE_EQ(report.cells[3].over_sm_limit(), 1.5);
  EXPECT_DOUBLE_EQ(report.cells[3].over_limit(), 1.5 * 100 / 80);
  EXPECT_DOUBLE_EQ(report.cells[7].sm_limit_us, combine_us);
  EXPECT_THAT(format_gpu_report(options, report), HasSubstr("(2.50, 1.25)"));
  EXPECT_THAT(format_gpu_report(options, report), HasSubstr("over what so many SMs store"));
}

TEST(GpuReport, HasOneRatioWhereSmsWereNotMeasured) {
  const BenchOptions options = small_options();
  const GpuPlan plan = make_gpu_plan(options, Mode::kLatency);
  GpuMeasurements measurements(plan);
  measurements.copy_engine_gbps() = 100;
  const GpuReport report = make_gpu_report(options, plan, measurements);
  EXPECT_TRUE(report.sm_rates.empty());
  EXPECT_THAT(format_gpu_report(options, report), HasSubstr("0.0 (0.00)"));
  EXPECT_THAT(format_gpu_report(options, report), Not(HasSubstr("SMs store")));
}

TEST(GpuReport, SaysHowWindowsAreShared) {
  const BenchOptions options = small_options();
  const GpuPlan plan = make_gpu_plan(options, Mode::kThroughput);
  GpuMeasurements measurements(plan);
  measurements.window_sharing() = WindowSharing::kFabricHandles;
  EXPECT_THAT(format_gpu_report(options, make_gpu_report(options, plan, measurements)),
              HasSubstr("2 ranks (processes, windows by fabric_handles)"));
}

TEST(GpuReport, NamesTheFirstDifference) {
  const BenchOptions options = small_options();
  const GpuPlan plan = make_gpu_plan(options, Mode::kThroughput);
  GpuMeasurements measurements(plan);
  measurements.copy_engine_gbps() = 100;
  OperationRecord& record = measurements.record(1).combine;
  record.verified_bytes = 64;
  record.differences = 2;
  record.first_difference = {'y'};
  const GpuReport report = make_gpu_report(options, plan, measurements);
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(format_gpu_report(options, report), HasSubstr("first: rank 1: combine y"));
}

}  // namespace
}  // namespace crossdock::tools::bench
