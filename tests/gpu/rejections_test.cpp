// A rank whose own call cannot be made tells its peers, whatever the reason.
#include <atomic>
#include <barrier>

#include "harness/captured.hpp"
#include "harness/group_cases.hpp"

namespace crossdock::gpu {
namespace {

class FullWindow : public testing::TestWithParam<Layout> {
 protected:
  static DispatchOptions options() {
    DispatchOptions options{.layout = GetParam()};
    if (options.layout != Layout::kExpertPadded) options.max_recv_rows = 64;
    return options;
  }
};

/// The same tokens, of which x has rows that are twice as far apart: dispatch makes them dense in its window.
struct FarRows {
  explicit FarRows(const RankTokens& of_rank) : tokens(of_rank), x(2 * of_rank.x.size() * sizeof(float)) {
    const std::size_t row = kHidden * sizeof(float);
    for (std::size_t token = 0; token < of_rank.x.size() / kHidden; ++token) {
      kernels::check_cuda(cudaMemcpy(x.as<std::byte>() + 2 * token * row, of_rank.x.data() + token * kHidden, row,
                                     cudaMemcpyHostToDevice),
                          "cudaMemcpy");
    }
  }

  DispatchInput input() const {
    DispatchInput input = tokens.input();
    input.x.data = x.as<void>();
    input.x.strides[0] = 2 * kHidden;
    return input;
  }

  DeviceTokens tokens;
  DeviceBuffer x;
};

/// Rank 1 has ever more room until its call can be made: it fails at every step that reserves.
TEST_P(FullWindow, IsAReasonToReject) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(3);
  const std::vector<RankTokens> given{tokens[0], tokens[2], tokens[2]};
  const Expected expected = expect(given, {.layout = GetParam()});
  std::barrier together(3);
  std::atomic<bool> made = false;
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    const FarRows mine(given[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    std::vector<Group::Allocation> pieces;
    if (world.rank() == 1) pieces = fill_window(group);
    int rejected = 0;
    for (; !made; ++rejected) {
      together.arrive_and_wait();
      if (world.rank() == 1) {
        try {
          PendingDispatch pending = group.dispatch_send(mine.input(), options());
          made = true;
          (void)group.dispatch_receive(std::move(pending));  // on the host it may still lack room for outputs
        } catch (const Error& error) {
          EXPECT_EQ(name_of(error.code()), name_of(ErrorCode::kWindowTooSmall)) << error.what();
        }
        synchronize(group);
        if (!pieces.empty()) pieces.pop_back();
      } else {
        (void)group.dispatch(mine.input(), options());
        synchronize(group);
      }
      together.arrive_and_wait();
      const auto error = group.status();
      if (world.rank() == 1) continue;
      // Rows arrive in what a full window still has, so a call that can be made may fail by that.
      ASSERT_TRUE(error || made);
      if (error) {
        const ErrorCode expected_code = made ? ErrorCode::kCapacityExceeded : ErrorCode::kRejectedByPeer;
        ASSERT_EQ(name_of(error->code()), name_of(expected_code)) << error->what();
      }
    }
    EXPECT_GT(rejected, 1);
    pieces.clear();
    round_trip(group, mine.tokens, expected, {.layout = GetParam()});
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, FullWindow,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

/// Rank 0 is behind by two of them.
TEST(Rejections, InARowKeepTheirTexts) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {});
  std::barrier together(2);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    const DispatchOptions options{.max_recv_rows = 64};
    Group group(world, config_of(milliseconds(20'000)));
    if (world.rank() == 0) {
      for (int call = 0; call < 2; ++call) (void)group.dispatch(mine.input(), options);
      together.arrive_and_wait();
      synchronize(group);
      for (const char* text : {"hidden of [1, 128], got 384", "hidden of [1, 128], got 512"}) {
        const auto error = group.status();
        ASSERT_TRUE(error);
        EXPECT_THAT(error->what(), testing::HasSubstr(text));
      }
    } else {
      together.arrive_and_wait();
      for (const std::int64_t rows : {3, 4}) {
        DispatchInput input = mine.input();
        input.x.shape[1] = rows * kHidden;
        EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kInvalidArgument, "hidden");
      }
    }
    round_trip(group, mine, expected, {});
  });
}

/// CUDA refuses to wait for an event of a capture that is over.
TEST(Rejections, CudasOwnRefusalsReachThePeers) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  for (const Layout layout : {Layout::kFlat, Layout::kExpertPadded}) {
    const Expected expected = expect(tokens, {.layout = layout});
    test::run_ranks(2, [&](const World& world) {
      use_device_of(world);
      const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
      Group group(world, config_of(milliseconds(20'000)));
      auto* const stream = static_cast<cudaStream_t>(group.stream());
      cudaEvent_t stale = nullptr;
      kernels::check_cuda(cudaEventCreate(&stale), "cudaEventCreate");
      {
        const Captured graph(stream, [&] { kernels::check_cuda(cudaEventRecord(stale, stream), "cudaEventRecord"); });
      }
      DispatchOptions options{.layout = layout};
      if (world.rank() == 1) {
        options.execution.after = stale;
        EXPECT_ERROR(group.dispatch(mine.input(), options), ErrorCode::kSystem, "cudaStreamWaitEvent");
      } else if (layout == Layout::kFlat) {
        EXPECT_ERROR(group.dispatch(mine.input(), options), ErrorCode::kRejectedByPeer, "cudaStreamWaitEvent");
      } else {
        (void)group.dispatch(mine.input(), options);
        synchronize(group);
        EXPECT_ERROR(group.dispatch(mine.input(), options), ErrorCode::kRejectedByPeer, "cudaStreamWaitEvent");
      }
      round_trip(group, mine, expected, {.layout = layout});
      cudaEventDestroy(stale);
    });
  }
}

}  // namespace
}  // namespace crossdock::gpu
