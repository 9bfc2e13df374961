// Deadlines of a group on GPUs: they reach kernels as nanoseconds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "harness/device_buffer.hpp"
#include "unit/engine/run_ranks.hpp"
#include "unit/engine/tokens.hpp"

namespace crossdock::gpu {
namespace {

using std::chrono::milliseconds;

/// A rank's group and input on its GPU.
struct GpuRank {
  explicit GpuRank(const World& world, milliseconds deadline)
      : tokens(test::tokens_of(world)),
        group(make_group(world, deadline)),
        x(DeviceBuffer::copy_of(tokens.x)),
        idx(DeviceBuffer::copy_of(tokens.topk_idx)),
        weights(DeviceBuffer::copy_of(tokens.topk_weights)) {}

  static Group make_group(const World& world, milliseconds deadline) {
    int count = 0;
    kernels::check_cuda(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    kernels::check_cuda(cudaSetDevice(world.rank() % count), "cudaSetDevice");
    GroupConfig config = test::small_config(deadline);
    config.backend = Backend::kCuda;
    config.num_sms = 4;
    return {world, config};
  }

  void round_trip() {
    DispatchInput input = tokens.input();
    input.x.data = x.as<void>();
    input.topk_idx.data = idx.as<void>();
    input.topk_weights.data = weights.as<void>();
    const DispatchResult result = group.dispatch(input);
    group.combine(result.handle, {.x = result.x});
    kernels::check_cuda(cudaStreamSynchronize(static_cast<cudaStream_t>(group.stream())), "cudaStreamSynchronize");
  }

  test::RankTokens tokens;
  Group group;
  DeviceBuffer x, idx, weights;
};

class GroupDeadline : public ::testing::TestWithParam<milliseconds> {};

TEST_P(GroupDeadline, ThatIsLongIsNotReached) {
  test::run_ranks(2, [](const World& world) {
    GpuRank rank(world, GetParam());
    rank.group.set_deadline(std::chrono::hours(1));
    rank.group.set_deadline(GetParam());
    for (int round = 0; round < 2; ++round) {
      // The other rank's kernels wait meanwhile and look at the limit.
      if (world.rank() == round % 2) std::this_thread::sleep_for(milliseconds(30));
      rank.round_trip();
    }
    EXPECT_FALSE(rank.group.status());
  });
}

INSTANTIATE_TEST_SUITE_P(Lengths, GroupDeadline,
                         ::testing::Values(milliseconds::max(), std::chrono::hours(24 * 365 * 300)));

TEST(NoGroupDeadline, IsRefused) {
  test::run_ranks(2, [](const World& world) {
    for (const milliseconds none : {milliseconds(0), milliseconds(-1), milliseconds::min()}) {
      EXPECT_ERROR(GpuRank(world, none), ErrorCode::kInvalidArgument, "GroupConfig::deadline: expected more than 0 ms");
    }
    GpuRank rank(world, std::chrono::hours(1));
    EXPECT_ERROR(rank.group.set_deadline(milliseconds(0)), ErrorCode::kInvalidArgument, "set_deadline");
    rank.round_trip();
  });
}

}  // namespace
}  // namespace crossdock::gpu
