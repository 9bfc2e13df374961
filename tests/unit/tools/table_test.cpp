#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/report.hpp"

namespace crossdock::tools::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ModeReport make_sample() {
  OperationReport dispatch;
  dispatch.operation = "dispatch";
  dispatch.dtype = "bf16>fp8";
  dispatch.rows = 129299;
  dispatch.first_us = 250000;
  dispatch.us = {.least = 120000, .median = 125000.4, .p95 = 131000};
  dispatch.logical_gbps = 7.654;
  dispatch.remote_gbps = 1.25;
  dispatch.limit_share = 0.756;
  dispatch.verified_bytes = 964055712;
  ModeReport report;
  report.num_nodes = 2;
  report.verified = true;
  report.calls = 13;
  report.operations = {dispatch};
  return report;
}

TEST(Table, HasARowAnOperation) {
  const std::string text = format_table(make_sample());
  EXPECT_THAT(text, HasSubstr("dispatch   bf16>fp8     129299     250000     120000     125000     131000          "
                              "7.65         1.25      76%"));
  EXPECT_THAT(text, HasSubstr("verified dispatch, the last of 13 calls only: 964,055,712 bytes, 0 differences\n"));
}

TEST(Table, SaysWhatRemoteMeans) {
  ModeReport report = make_sample();
  EXPECT_THAT(format_table(report), HasSubstr("a row a (token, other node)"));
  report.num_nodes = 1;
  EXPECT_THAT(format_table(report), HasSubstr("rows to other ranks"));
}

TEST(Table, NeverClaimsWhatWasNotVerified) {
  ModeReport report = make_sample();
  report.verified = false;
  EXPECT_THAT(format_table(report), HasSubstr("not verified"));
  EXPECT_THAT(format_table(report), Not(HasSubstr("differences")));
}

TEST(Table, NamesTheFirstDifference) {
  ModeReport report = make_sample();
  EXPECT_TRUE(report.ok());
  report.operations[0].differences = 1234;
  report.operations[0].first_difference = "rank 2: x, byte 7: expected 0x01, got 0x00";
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(format_table(report), HasSubstr("1,234 differences; first: rank 2: x, byte 7: expected 0x01, got 0x00"));
}

}  // namespace
}  // namespace crossdock::tools::bench
