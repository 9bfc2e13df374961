// Group on GPUs: round trips against the reference, refused calls, faults, graphs, groups side by side.
#include <algorithm>
#include <array>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <thread>
#include <type_traits>
#include <vector>

#include "harness/group_cases.hpp"
#include "harness/node.hpp"

namespace crossdock::gpu {
namespace {

class GroupRoundTrip : public testing::TestWithParam<Layout> {};

TEST_P(GroupRoundTrip, GivesTheBitsOfTheReference) {
  for (const int num_ranks : {1, 2, 3}) {
    const std::vector<RankTokens> tokens = tokens_of_ranks(num_ranks);
    const DispatchOptions options{.layout = GetParam()};
    const Expected expected = expect(tokens, options);
    test::run_ranks(num_ranks, [&](const World& world) {
      use_device_of(world);
      const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
      Group group(world, config_of(milliseconds(20'000)));
      for (int round = 0; round < 20; ++round) round_trip(group, mine, expected, options);
      EXPECT_FALSE(group.status());
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, GroupRoundTrip,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

class GroupManyRows : public testing::TestWithParam<Layout> {};

/// More of them than a block lays out at a time.
TEST_P(GroupManyRows, OneSmTakesThemAll) {
  constexpr int kManyTokens = 700;
  std::vector<RankTokens> tokens;
  for (int rank = 0; rank < 2; ++rank) {
    tokens.push_back(test::make_tokens(rank, kManyTokens, kHidden, kTopK, kExperts));
  }
  const DispatchOptions options{.layout = GetParam()};
  const Expected expected = expect(tokens, options);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    GroupConfig config = config_of(milliseconds(20'000));
    config.num_sms = 1;
    config.max_tokens = kManyTokens;
    Group group(world, config);
    for (int round = 0; round < 3; ++round) round_trip(group, mine, expected, options);
    EXPECT_FALSE(group.status());
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, GroupManyRows, testing::Values(Layout::kFlat, Layout::kExpertContiguous),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

/// Rank 0 calls, rank 1 does not; then both start a new epoch and go on.
void one_rank_stays_away(const DispatchOptions& options, bool throws) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {.layout = options.layout});
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    group.set_deadline(milliseconds(300));
    if (world.rank() == 0) {
      if (throws) {
        EXPECT_ERROR(group.dispatch(mine.input(), options), ErrorCode::kDeadlineExceeded, "rank 1");
      } else {
        const DispatchResult result = group.dispatch(mine.input(), options);
        synchronize(group);
        EXPECT_EQ(read_back<std::int64_t>(result.device_num_rows.data, 1)[0], 0);
        for (const int count : read_back<std::int32_t>(result.tokens_per_expert.data, kExperts / 2))
          EXPECT_EQ(count, 0);
      }
      const auto error = await_status(group);
      ASSERT_TRUE(error);
      EXPECT_EQ(error->report().peer, 1);
      EXPECT_EQ(error->report().operation, "dispatch");
      EXPECT_ERROR(group.dispatch(mine.input(), options), ErrorCode::kDeadlineExceeded, "rank 1");
    } else {
      ASSERT_TRUE(await_status(group));
    }
    group.set_deadline(milliseconds(20'000));
    group.set_live_ranks(std::vector<int>{0, 1});
    EXPECT_FALSE(group.status());
    round_trip(group, mine, expected, {.layout = options.layout});
  });
}

TEST(GroupFaults, ARankThatNeverCallsIsNamedWhereTheHostWaits) {
  one_rank_stays_away({.layout = Layout::kFlat}, true);
  one_rank_stays_away({.layout = Layout::kExpertContiguous}, true);
}

TEST(GroupFaults, ARankThatNeverCallsIsNamedWhereTheHostDoesNotWait) {
  one_rank_stays_away({.layout = Layout::kFlat, .max_recv_rows = 64}, false);
  one_rank_stays_away({.layout = Layout::kExpertContiguous, .max_recv_rows = 64}, false);
  one_rank_stays_away({.layout = Layout::kExpertPadded}, false);
}

TEST(GroupFaults, AnAbortEndsWaitsOnTheGpu) {
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(test::tokens_of(world));
    Group group(world, config_of(milliseconds(60'000)));
    const auto start = std::chrono::steady_clock::now();
    if (world.rank() == 0) {
      EXPECT_ERROR(group.dispatch(mine.input()), ErrorCode::kAborted, "enough");
    } else {
      std::this_thread::sleep_for(milliseconds(200));
      group.abort("enough");
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(30'000));
  });
}

class RejectedCalls : public testing::TestWithParam<Layout> {};

TEST_P(RejectedCalls, FailOnAllRanksAndTheGroupGoesOn) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const DispatchOptions options{.layout = GetParam()};
  const Expected expected = expect(tokens, options);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    const bool waits = GetParam() != Layout::kExpertPadded;
    for (int round = 0; round < 3; ++round) {
      DispatchInput input = mine.input();
      if (world.rank() == 1) {
        input.x.shape[1] = 3 * kHidden;  // more than the group was made for
        EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kInvalidArgument, "hidden");
      } else if (waits) {
        EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kRejectedByPeer, "rank 1");
      } else {
        const DispatchResult result = group.dispatch(input, options);
        synchronize(group);
        EXPECT_EQ(read_back<std::int64_t>(result.device_num_rows.data, 1)[0], 0);
        EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kRejectedByPeer, "rank 1");
      }
      round_trip(group, mine, expected, options);
    }
  });
}

TEST_P(RejectedCalls, OptionsThatDifferAreNamed) {
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(test::tokens_of(world));
    Group group(world, config_of(milliseconds(20'000)));
    DispatchInput input = mine.input();
    if (world.rank() == 1) input.topk_weights = {};
    const DispatchOptions options{.layout = GetParam()};
    if (GetParam() != Layout::kExpertPadded) {
      EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kOptionsMismatch, "topk_weights given");
      return;
    }
    group.dispatch(input, options);
    synchronize(group);
    EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kOptionsMismatch, "topk_weights given");
  });
}

/// The others have sent their rows when they learn of it.
TEST_P(RejectedCalls, LeaveNoRowsBehind) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const DispatchOptions options{.layout = GetParam()};
  const Expected expected = expect(tokens, options);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    const DeviceTokens others(test::make_tokens(7, 16, kHidden, kTopK, kExperts));
    Group group(world, config_of(milliseconds(20'000)));
    const auto fails = [&](const auto& call) { EXPECT_TRUE(test::error_of(call)) << "rank " << world.rank(); };
    const auto ends_badly = [&](const auto& call) {
      if (world.rank() == 1 || GetParam() != Layout::kExpertPadded) return fails(call);
      call();
      synchronize(group);
      EXPECT_TRUE(group.status());
    };
    for (int round = 0; round < 20; ++round) {
      DispatchInput input = others.input();
      if (world.rank() == 1) input.x.shape[1] = 3 * kHidden;
      ends_badly([&] { group.dispatch(input, options); });
      for (int call = 0; call < 2; ++call) round_trip(group, mine, expected, options);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, RejectedCalls,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

TEST(GroupCapacity, TooManyRowsFailEverywhereOnce) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(3);
  for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous}) {
    test::run_ranks(3, [&](const World& world) {
      use_device_of(world);
      const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
      Group group(world, config_of(milliseconds(20'000)));
      const DispatchResult result =
          group.dispatch(mine.input(), {.layout = layout, .max_recv_rows = world.rank() == 2 ? 1 : 64});
      synchronize(group);
      EXPECT_EQ(read_back<std::int64_t>(result.device_num_rows.data, 1)[0], 0);
      const auto error = test::error_of([&] { group.dispatch(mine.input()); });
      ASSERT_TRUE(error);
      EXPECT_EQ(error->code(), ErrorCode::kCapacityExceeded);
      EXPECT_EQ(error->report().peer, 2);
      EXPECT_EQ(error->report().observed, 1);
      group.dispatch(mine.input(), {.layout = layout});
    });
  }
}

TEST(GroupIndices, OneOutOfRangeCountsAsNoneAndIsReported) {
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    RankTokens tokens = test::tokens_of(world);
    RankTokens without = tokens;
    tokens.topk_idx[3] = kExperts + 7;
    without.topk_idx[3] = -1;
    const DeviceTokens bad(tokens);
    const DeviceTokens good(without);
    Group group(world, config_of(milliseconds(20'000)));
    for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded}) {
      const DispatchResult expected = group.dispatch(good.input(), {.layout = layout});
      const DispatchResult result = group.dispatch(bad.input(), {.layout = layout});
      synchronize(group);
      EXPECT_EQ(bytes_of(result.tokens_per_expert), bytes_of(expected.tokens_per_expert));
    }
    const auto error = group.status();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error->report().observed, kExperts + 7);
  });
}

TEST(GroupMemory, OrdinaryHostMemoryIsRefused) {
  test::run_ranks(1, [&](const World& world) {
    use_device_of(world);
    Group group(world, config_of(milliseconds(20'000)));
    const RankTokens tokens = test::tokens_of(world);
    EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kInvalidArgument, "GPU memory");
  });
}

TEST(GroupMemory, OfAnotherGpuIsRefused) {
  if (num_devices() < 2) GTEST_SKIP() << "one GPU";
  test::run_ranks(1, [&](const World& world) {
    kernels::check_cuda(cudaSetDevice(1), "cudaSetDevice");
    const DeviceTokens there(test::tokens_of(world));
    kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
    const DeviceTokens here(test::tokens_of(world));
    Group group(world, config_of(milliseconds(20'000)));
    for (ConstTensorView DispatchInput::* tensor :
         {&DispatchInput::x, &DispatchInput::topk_idx, &DispatchInput::topk_weights}) {
      DispatchInput input = here.input();
      (input.*tensor).data = (there.input().*tensor).data;
      EXPECT_ERROR(group.dispatch(input), ErrorCode::kInvalidArgument, "expected memory of GPU 0, got memory of GPU 1");
    }
    const DispatchResult rows = group.dispatch(here.input());
    EXPECT_ERROR(group.combine(rows.handle, {.x = rows.x, .bias0 = there.input().x}), ErrorCode::kInvalidArgument,
                 "bias0: expected memory of GPU 0");
    group.combine(rows.handle, {.x = rows.x, .bias0 = here.input().x});
    synchronize(group);
  });
}

TEST(GroupShares, RanksOfOneGpuTakeNoMoreSmsThanItHas) {
  test::run_ranks(2, [&](const World& world) {
    kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
    GroupConfig config = config_of(milliseconds(5'000));
    config.num_sms = 100;
    EXPECT_ERROR(Group(world, config), ErrorCode::kInvalidArgument, "num_sms");
  });
}

/// Rank 1 has a GPU of its own, and is told as well.
TEST(GroupShares, AllRanksRefuseAlike) {
  if (num_devices() < 2) GTEST_SKIP() << "one GPU";
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    GroupConfig config = config_of(milliseconds(60'000));
    config.num_sms = 100;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_ERROR(Group(world, config), ErrorCode::kInvalidArgument, "ranks [0, 2]");
    EXPECT_LT(std::chrono::steady_clock::now() - start, config.deadline);
  });
}

TEST(GroupStart, FailsEverywhereWhereOneRankHasNoGpu) {
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    GroupConfig config = config_of(milliseconds(60'000));
    if (world.rank() == 1) {
      config.device = 1000;
      EXPECT_ERROR(Group(world, config), ErrorCode::kSystem, "cuda");
    } else {
      EXPECT_ERROR(Group(world, config), ErrorCode::kRejectedByPeer, "rank 1 failed");
    }
  });
}

/// Rank 1 hangs in the middle of set_live_ranks, behind work of another group on its stream.
TEST(GroupEpochs, OneThatFailsHalfwayIsAFault) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {});
  std::barrier together(2);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group holding(world, config_of(milliseconds(60'000)));
    Group group(world, config_of(milliseconds(20'000)));
    round_trip(group, mine, expected, {});
    if (world.rank() == 1) {
      (void)holding.dispatch(mine.input(),
                             {.layout = Layout::kExpertPadded, .execution = {.stream = Stream::of(group.stream())}});
    }
    group.set_deadline(milliseconds(200));
    EXPECT_TRUE(test::error_of([&] { group.set_live_ranks(std::vector<int>{0, 1}); }));
    ASSERT_TRUE(group.status());
    EXPECT_EQ(group.epoch(), 0);
    EXPECT_TRUE(test::error_of([&] { (void)group.dispatch(mine.input()); }));
    if (world.rank() == 1) holding.abort("seen");
    together.arrive_and_wait();
    group.set_deadline(milliseconds(20'000));
    group.set_live_ranks(std::vector<int>{0, 1});
    round_trip(group, mine, expected, {});
    EXPECT_FALSE(group.status());
  });
}

/// Another thread asks all the time, also while a fault goes and the epoch changes.
TEST(GroupEpochs, ChangeWhileAnotherThreadAsksForTheStatus) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {});
  std::barrier together(2);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    const std::jthread asking([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) (void)group.status();
    });
    for (int epoch = 0; epoch < 20; ++epoch) {
      together.arrive_and_wait();
      if (world.rank() == epoch % 2) group.abort("again");
      ASSERT_TRUE(await_status(group));
      together.arrive_and_wait();
      group.set_live_ranks(std::vector<int>{0, 1});
      round_trip(group, mine, expected, {});
    }
  });
}

TEST(GroupSideBySide, TwoGroupsOnTheSameGpus) {
  if (num_devices() < 2) GTEST_SKIP() << "one GPU: groups that share it do not know one another's SMs";
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  std::vector<std::thread> groups;
  for (const Layout layout : {Layout::kFlat, Layout::kExpertPadded}) {
    groups.emplace_back([&tokens, layout] {
      const Expected expected = expect(tokens, {.layout = layout});
      test::run_ranks(2, [&](const World& world) {
        use_device_of(world);
        const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
        Group group(world, config_of(milliseconds(20'000)));
        for (int round = 0; round < 300; ++round) round_trip(group, mine, expected, {.layout = layout});
      });
    });
  }
  for (std::thread& group : groups) group.join();
}

TEST(GroupEvents, OrderCallsOfDifferentStreams) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {});
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    cudaStream_t stream = nullptr;
    cudaEvent_t dispatched = nullptr;
    kernels::check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    kernels::check_cuda(cudaEventCreate(&dispatched), "cudaEventCreate");
    for (int round = 0; round < 20; ++round) {
      const DispatchResult result = group.dispatch(mine.input(), {.execution = {.done = dispatched}});
      const CombineResult combined = group.combine(result.handle, {.x = result.x},
                                                   {.execution = {.stream = Stream::of(stream), .after = dispatched}});
      kernels::check_cuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
      ASSERT_EQ(bytes_of(combined.y), expected.combined[static_cast<std::size_t>(world.rank())].y.bytes);
    }
    cudaEventDestroy(dispatched);
    cudaStreamDestroy(stream);
  });
}

static_assert(!std::is_convertible_v<void*, Stream> && !std::is_convertible_v<std::nullptr_t, Stream> &&
              !std::is_convertible_v<int, Stream> && !std::is_constructible_v<Stream, void*>);

/// What frameworks call stream 0. The group's own is held meanwhile by a call of another group, which rank 1 makes
/// late. Groups of one rank: CUDA's default stream is one for all threads of a process on a GPU, so ranks that share
/// a GPU would wait there for one another.
TEST(GroupStreams, CudasDefaultStreamIsNotTheGroupsOwn) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  std::barrier together(2);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const RankTokens& of_rank = tokens[static_cast<std::size_t>(world.rank())];
    const Expected expected = expect({of_rank}, {});
    const DeviceTokens mine(of_rank);
    Group holding(world, config_of(milliseconds(60'000)));
    Group group(World::threads(1).front(), config_of(milliseconds(20'000)));
    const auto hold = [&] {
      (void)holding.dispatch(mine.input(),
                             {.layout = Layout::kExpertPadded, .execution = {.stream = Stream::of(group.stream())}});
    };
    if (world.rank() == 0) hold();
    const Execution by_default{.stream = Stream::of(nullptr)};
    const DispatchResult rows = group.dispatch(mine.input(), {.execution = by_default});
    const CombineResult combined = group.combine(rows.handle, {.x = rows.x}, {.execution = by_default});
    kernels::check_cuda(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    EXPECT_EQ(bytes_of(combined.y), expected.combined.front().y.bytes);
    together.arrive_and_wait();
    if (world.rank() == 1) hold();
    synchronize(group);
  });
}

TEST(GroupPending, LatencyCallsOverlapAndMayBeDropped) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const DispatchOptions options{.layout = Layout::kExpertPadded};
  const Expected expected = expect(tokens, options);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const auto rank = static_cast<std::size_t>(world.rank());
    const DeviceTokens mine(tokens[rank]);
    Group group(world, config_of(milliseconds(20'000)));
    for (int round = 0; round < 10; ++round) {
      PendingDispatch first = group.dispatch_send(mine.input(), options);
      PendingDispatch second = group.dispatch_send(mine.input(), options);
      EXPECT_ERROR(group.dispatch_send(mine.input(), options), ErrorCode::kInvalidArgument, "latency_slots");
      const DispatchResult late = group.dispatch_receive(std::move(second));
      PendingCombine combine = group.combine_send(late.handle, {.x = late.x});
      const DispatchResult early = group.dispatch_receive(std::move(first));
      const CombineResult combined = group.combine_receive(std::move(combine));
      {
        const PendingCombine dropped = group.combine_send(early.handle, {.x = early.x});
      }
      {
        const PendingDispatch dropped = group.dispatch_send(mine.input(), options);
      }
      synchronize(group);
      ASSERT_EQ(bytes_of(combined.y), expected.combined[rank].y.bytes);
      ASSERT_EQ(bytes_of(early.tokens_per_expert), expected.dispatched[rank].tokens_per_expert.bytes);
    }
  });
}

/// Two sets of tokens of two ranks, and what becomes of them.
struct TwoSets {
  explicit TwoSets(Layout layout) {
    for (int set = 0; set < 2; ++set) {
      for (int rank = 0; rank < 2; ++rank) {
        tokens[set].push_back(test::make_tokens(2 * set + rank, set == 0 ? 16 : 9, kHidden, kTopK, kExperts));
      }
      expected[set] = expect(tokens[set], {.layout = layout});
    }
  }

  std::array<DeviceTokens, 2> on_device(int rank) const {
    const auto at = static_cast<std::size_t>(rank);
    return {DeviceTokens(tokens[0][at]), DeviceTokens(tokens[1][at])};
  }

  std::array<std::vector<RankTokens>, 2> tokens;
  std::array<Expected, 2> expected;
};

/// Dispatches of the sets in turn, then their combines; nothing waits for the host in between. Rows of a combine are
/// the caller's again when it has returned: they are written over at once.
void combine_in_a_row(Group& group, const std::vector<DispatchResult>& dispatched, const TwoSets& sets) {
  const auto rank = static_cast<std::size_t>(group.rank());
  std::vector<CombineResult> combined;
  for (const DispatchResult& rows : dispatched) {
    combined.push_back(group.combine(rows.handle, {.x = rows.x}));
    auto* stream = static_cast<cudaStream_t>(group.stream());
    kernels::check_cuda(cudaMemsetAsync(const_cast<void*>(rows.x.data), 0xEE, rows.x.num_bytes(), stream), "memset");
  }
  synchronize(group);
  for (std::size_t call = 0; call < dispatched.size(); ++call) {
    const Expected& want = sets.expected[call % 2];
    ASSERT_EQ(bytes_of(dispatched[call].tokens_per_expert), want.dispatched[rank].tokens_per_expert.bytes) << call;
    ASSERT_EQ(bytes_of(combined[call].y), want.combined[rank].y.bytes) << call;
  }
}

/// All of their results are alive at once.
constexpr int kCallsInARow = 12;

/// `dispatch`: on each of two ranks from the group and the sets on its GPU to the dispatches, as combine_in_a_row has
/// them.
template <typename Dispatch>
void run_in_a_row(Layout layout, const Dispatch& dispatch) {
  const TwoSets sets(layout);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const std::array<DeviceTokens, 2> mine = sets.on_device(world.rank());
    GroupConfig config = config_of(milliseconds(20'000));
    config.live_results = kCallsInARow;
    Group group(world, config);
    combine_in_a_row(group, dispatch(group, mine), sets);
  });
}

class GroupInARow : public testing::TestWithParam<Layout> {};

/// Whoever lets go of memory too early has it written over by the next call.
TEST_P(GroupInARow, CallsFollowAtOnce) {
  DispatchOptions options{.layout = GetParam()};
  if (GetParam() != Layout::kExpertPadded) options.max_recv_rows = 256;  // the host waits for no counts
  run_in_a_row(options.layout, [&](Group& group, const std::array<DeviceTokens, 2>& mine) {
    std::vector<DispatchResult> dispatched;
    for (std::size_t call = 0; call < kCallsInARow; ++call) {
      dispatched.push_back(group.dispatch(mine[call % 2].input(), options));
    }
    return dispatched;
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, GroupInARow,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

/// The later of two is received first, so a rank may be a call ahead of its peer in a slot.
TEST(GroupPending, SlotsAreWrittenAgainOnlyWhenAllHaveReadThem) {
  const DispatchOptions options{.layout = Layout::kExpertPadded};
  run_in_a_row(options.layout, [&](Group& group, const std::array<DeviceTokens, 2>& mine) {
    std::vector<DispatchResult> dispatched;
    for (std::size_t call = 0; call < kCallsInARow / 2; ++call) {
      const std::size_t set = call % 2;
      PendingDispatch early = group.dispatch_send(mine[set].input(), options);
      PendingDispatch late = group.dispatch_send(mine[1 - set].input(), options);
      DispatchResult received_late = group.dispatch_receive(std::move(late));
      dispatched.push_back(group.dispatch_receive(std::move(early)));
      dispatched.push_back(std::move(received_late));
      if (set == 1) std::swap(dispatched[2 * call], dispatched[2 * call + 1]);
    }
    return dispatched;
  });
}

using WaitTimes = std::vector<std::chrono::nanoseconds>;

/// Whether ranks 0 and 1 waited for rank 2, who came `delay` late, and hardly for one another.
bool shows_late_rank(int rank, const WaitTimes& before, const WaitTimes& after, milliseconds delay) {
  if (rank == 2) return true;
  const auto other = static_cast<std::size_t>(1 - rank);
  return after[2] - before[2] > delay / 2 && after[other] - before[other] < (after[2] - before[2]) / 2;
}

/// What three ranks know of one another's wait times.
struct Seen {
  std::barrier<> together{3};
  std::array<bool, 3> by{};
};

/// A loaded machine may begin a rank's kernel later than the late rank comes: then that one is twice as late.
void be_late_until_seen(Group& group, const DeviceTokens& mine, Layout layout, Seen& seen) {
  const auto rank = static_cast<std::size_t>(group.rank());
  WaitTimes before = group.wait_times();
  bool by_all = false;
  for (milliseconds delay{100}; !by_all; delay *= 2) {
    ASSERT_LT(delay, milliseconds(10'000));
    seen.together.arrive_and_wait();
    if (rank == 2) std::this_thread::sleep_for(delay);
    const DispatchResult result = group.dispatch(mine.input(), {.layout = layout});
    const WaitTimes after = group.wait_times();
    EXPECT_EQ(after[rank].count(), 0);
    seen.by[rank] = shows_late_rank(group.rank(), before, after, delay);
    before = after;
    seen.together.arrive_and_wait();
    by_all = seen.by[0] && seen.by[1];
  }
}

TEST(GroupWaitTimes, LateRankShowsAtItsPeersOverEpochs) {
  Seen seen;
  for (const Layout layout : {Layout::kFlat, Layout::kExpertPadded}) {
    test::run_ranks(3, [&](const World& world) {
      use_device_of(world);
      const DeviceTokens mine(test::tokens_of(world));
      Group group(world, config_of(milliseconds(20'000)));
      for (int epoch = 0; epoch < 2; ++epoch) {
        be_late_until_seen(group, mine, layout, seen);
        const WaitTimes before = group.wait_times();
        group.set_live_ranks(std::vector<int>{0, 1, 2});
        EXPECT_EQ(group.wait_times(), before);
      }
    });
  }
}

}  // namespace
}  // namespace crossdock::gpu
