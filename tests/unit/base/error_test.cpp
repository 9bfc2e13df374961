#include "crossdock/error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace crossdock {
namespace {

TEST(ErrorCode, HasANameEach) {
  const std::pair<ErrorCode, const char*> kExpected[] = {
      {ErrorCode::kInvalidArgument, "InvalidArgument"},
      {ErrorCode::kOptionsMismatch, "OptionsMismatch"},
      {ErrorCode::kRejectedByPeer, "RejectedByPeer"},
      {ErrorCode::kInvalidHandle, "InvalidHandle"},
      {ErrorCode::kWindowTooSmall, "WindowTooSmall"},
      {ErrorCode::kCapacityExceeded, "CapacityExceeded"},
      {ErrorCode::kRankLost, "RankLost"},
      {ErrorCode::kDeadlineExceeded, "DeadlineExceeded"},
      {ErrorCode::kAborted, "Aborted"},
      {ErrorCode::kSystem, "System"},
  };
  for (const auto& [code, name] : kExpected) EXPECT_EQ(name_of(code), name);
}

// Codes cross between ranks as bytes: an unknown one must not read past the table.
TEST(ErrorCode, UnknownByteHasANameToo) { EXPECT_EQ(name_of(static_cast<ErrorCode>(200)), "unknown"); }

TEST(Report, IsDescribedInOneLine) {
  const Report report{.operation = "dispatch",
                      .phase = "reply",
                      .rank = 0,
                      .peer = 3,
                      .channel = 1,
                      .epoch = 2,
                      .expected = 41,
                      .observed = 40};
  EXPECT_EQ(describe(report), "operation=dispatch phase=reply rank=0 peer=3 channel=1 epoch=2 expected=41 observed=40");
}

TEST(Report, FieldsThatDoNotApplyAreMinusOne) {
  EXPECT_EQ(describe(Report{.operation = "bootstrap", .phase = "join"}),
            "operation=bootstrap phase=join rank=-1 peer=-1 channel=-1 epoch=-1 expected=-1 observed=-1");
}

TEST(Error, MessageStartsWithTheCode) {
  const Error error(ErrorCode::kRankLost, "rank 2 is gone", {.operation = "combine", .phase = "ready", .peer = 2});
  EXPECT_STREQ(error.what(), "RankLost: rank 2 is gone");
  EXPECT_EQ(error.code(), ErrorCode::kRankLost);
  EXPECT_EQ(error.report().operation, "combine");
  EXPECT_EQ(error.report().phase, "ready");
  EXPECT_EQ(error.report().peer, 2);
  EXPECT_EQ(error.report().rank, -1);
}

TEST(Error, IsARuntimeError) {
  try {
    throw Error(ErrorCode::kAborted, "stop");
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "Aborted: stop");
  }
}

}  // namespace
}  // namespace crossdock
