// A call that has to throw InvalidArgument, with these words in its message.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "crossdock/error.hpp"

namespace crossdock::test {

inline void expect_rejected(const std::string& text, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "expected an Error: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(text));
  }
}

}  // namespace crossdock::test
