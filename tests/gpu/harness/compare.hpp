// Device memory against what is expected of it.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "crossdock/reference.hpp"
#include "harness/device_buffer.hpp"

namespace crossdock::gpu {

inline void poison(void* memory, std::size_t bytes) {
  kernels::check_cuda(cudaMemset(memory, static_cast<int>(reference::kPoison), bytes), "cudaMemset");
}

inline void expect_bytes(const std::vector<std::byte>& expected, const void* device, const char* what, int rank) {
  const auto got = read_back<std::byte>(device, expected.size());
  std::size_t wrong = 0;
  std::size_t first = 0;
  for (std::size_t i = got.size(); i-- > 0;) {
    if (got[i] != expected[i]) first = i, ++wrong;
  }
  EXPECT_EQ(wrong, 0U) << what << " of rank " << rank << ", first at byte " << first << " of " << got.size();
}

inline void expect_bytes(const reference::Tensor& expected, const void* device, const char* what, int rank) {
  expect_bytes(expected.bytes, device, what, rank);
}

}  // namespace crossdock::gpu
