// What tests of Group on GPUs share: ranks' inputs on their GPUs, and what the reference makes of them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "harness/device_buffer.hpp"
#include "unit/engine/run_ranks.hpp"
#include "unit/engine/tokens.hpp"

namespace crossdock::gpu {

using std::chrono::milliseconds;
using test::kExperts;
using test::kHidden;
using test::kTokens;
using test::kTopK;
using test::RankTokens;

inline void use_device_of(const World& world) {
  int count = 0;
  kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
  kernels::check_cuda(cudaSetDevice(world.rank() % count), "cudaSetDevice");
}

inline void synchronize(const Group& group) {
  kernels::check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(group.stream())), "cudaStreamSynchronize");
}

inline GroupConfig config_of(milliseconds deadline) {
  GroupConfig config = test::small_config(deadline);
  config.backend = Backend::kCuda;
  config.num_sms = 4;
  return config;
}

/// A rank's input on its GPU.
struct DeviceTokens {
  explicit DeviceTokens(const RankTokens& tokens)
      : host(tokens),
        x(DeviceBuffer::copy_of(tokens.x)),
        idx(DeviceBuffer::copy_of(tokens.topk_idx)),
        weights(DeviceBuffer::copy_of(tokens.topk_weights)) {}

  DispatchInput input() const {
    DispatchInput views = host.input();
    views.x.data = x.as<void>();
    views.topk_idx.data = idx.as<void>();
    views.topk_weights.data = weights.as<void>();
    return views;
  }

  RankTokens host;
  DeviceBuffer x, idx, weights;
};

inline std::vector<std::byte> bytes_of(const ConstTensorView& view) {
  return read_back<std::byte>(view.data, view.num_bytes());
}

struct Expected {
  std::vector<reference::Dispatched> dispatched;
  std::vector<reference::Combined> combined;
};

inline Expected expect(const std::vector<RankTokens>& tokens, const DispatchOptions& options) {
  std::vector<DispatchInput> inputs;
  for (const RankTokens& rank : tokens) inputs.push_back(rank.input());
  const std::vector<DispatchOptions> all_options(tokens.size(), options);
  const reference::Problem problem{
      .num_ranks = static_cast<int>(tokens.size()), .num_experts = kExperts, .latency_max_tokens = 16};
  Expected expected{.dispatched = reference::dispatch(problem, inputs, all_options), .combined = {}};
  std::vector<CombineInput> combines;
  for (const auto& rank : expected.dispatched) combines.push_back({.x = rank.x.view()});
  expected.combined = reference::combine(problem, inputs, all_options, combines, {});
  return expected;
}

inline std::vector<RankTokens> tokens_of_ranks(int num_ranks) {
  std::vector<RankTokens> tokens;
  for (int rank = 0; rank < num_ranks; ++rank) {
    tokens.push_back(test::make_tokens(rank, rank == 1 ? 0 : 5 + rank, kHidden, kTopK, kExperts));
  }
  return tokens;
}

/// One dispatch and combine with the right bits.
inline void round_trip(Group& group, const DeviceTokens& tokens, const Expected& expected,
                       const DispatchOptions& options) {
  const auto rank = static_cast<std::size_t>(group.rank());
  const DispatchResult result = group.dispatch(tokens.input(), options);
  const CombineResult combined = group.combine(result.handle, {.x = result.x});
  synchronize(group);
  const auto& want = expected.dispatched[rank];
  ASSERT_EQ(read_back<std::int64_t>(result.device_num_rows.data, 1)[0], want.num_rows);
  ASSERT_EQ(bytes_of(result.tokens_per_expert), want.tokens_per_expert.bytes);
  if (options.layout != Layout::kExpertPadded) {
    ASSERT_EQ(bytes_of(result.x), want.x.bytes);
  }
  ASSERT_EQ(bytes_of(combined.y), expected.combined[rank].y.bytes);
}

/// Waits, for a call that nobody waits for, until the group knows how it ended.
inline std::optional<Error> await_status(Group& group) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (auto error = group.status()) return error;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return std::nullopt;
}

/// Takes all memory of the window, in pieces of some kilobytes.
inline std::vector<Group::Allocation> fill_window(Group& group) {
  constexpr std::int64_t kWords = 1024;
  std::vector<Group::Allocation> pieces;
  try {
    for (;;) pieces.push_back(group.allocate(DType::kFp32, {kWords}));
  } catch (const Error& error) {
    EXPECT_EQ(name_of(error.code()), name_of(ErrorCode::kWindowTooSmall));
  }
  return pieces;
}

}  // namespace crossdock::gpu
