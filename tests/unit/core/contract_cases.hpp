// What the tests of dispatch's and combine's contracts share.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "crossdock/error.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::core {

inline void expect_rejected(const std::string& message, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "accepted, instead of " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(message));
    EXPECT_EQ(error.report().rank, 1);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("rank 1: "));
  }
}

/// The memory of outputs: none of the inputs'.
inline TensorView output(DType dtype, std::initializer_list<std::int64_t> shape) {
  static std::vector<std::byte> memory(1 << 16);
  return dense_view(memory.data(), dtype, shape);
}

}  // namespace crossdock::core
