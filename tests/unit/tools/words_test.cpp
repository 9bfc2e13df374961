#include "command_line/words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

const std::vector<std::string> kFlags{"--tokens", "--topk", "--topk-groups", "--iterations", "--verify", "--sms"};

TEST(Words, OneLetterInThreeMayBeWrong) {
  EXPECT_EQ(did_you_mean("--tokns", kFlags), " (did you mean \"--tokens\"?)");
  EXPECT_EQ(did_you_mean("--tokesn", kFlags), " (did you mean \"--tokens\"?)");
  EXPECT_EQ(did_you_mean("-tokens", kFlags), " (did you mean \"--tokens\"?)");
  EXPECT_EQ(did_you_mean("--top", kFlags), " (did you mean \"--topk\"?)");
  EXPECT_EQ(did_you_mean("--iter", kFlags), " (did you mean \"--iterations\"?)");
}

TEST(Words, NothingIsSaidWhereNothingIsNear) {
  EXPECT_EQ(did_you_mean("--version", kFlags), "");
  EXPECT_EQ(did_you_mean("", kFlags), "");
  EXPECT_EQ(did_you_mean("--", kFlags), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'a'), kFlags), "");
}

TEST(Words, NothingIsSaidWhereTwoAreAsNear) {
  EXPECT_EQ(did_you_mean("fp12", std::vector<std::string>{"fp16", "fp32", "bf16"}), "");
}

TEST(Words, ARequiredWordIsNamed) {
  EXPECT_NO_THROW(require_word("--mode", {"latency", "both"}, "both"));
  try {
    require_word("--mode", {"latency", "both"}, "botch");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.message(), "--mode: expected one of latency, both, got \"botch\" (did you mean \"both\"?)");
  }
}

}  // namespace
}  // namespace crossdock::tools
