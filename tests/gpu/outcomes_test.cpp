// Who is told how a call on the GPU ended, and when the host gives up on hearing of it.
#include <future>

#include "harness/group_cases.hpp"

namespace crossdock::gpu {
namespace {

class RejectedExactDispatch : public testing::TestWithParam<Layout> {
 protected:
  static DispatchOptions options() { return {.layout = GetParam()}; }
};

/// Rank 1 rejects its call; ranks 0 and 2 have sent theirs.
void send_rejected(Group& group, const DeviceTokens& mine, const DispatchOptions& options,
                   const std::function<void(PendingDispatch)>& on_others) {
  DispatchInput input = mine.input();
  if (group.rank() == 1) {
    input.x.shape[1] = 3 * kHidden;
    EXPECT_ERROR(group.dispatch_send(input, options), ErrorCode::kInvalidArgument, "hidden");
    return;
  }
  PendingDispatch pending = group.dispatch_send(input, options);
  synchronize(group);  // the GPU knows
  on_others(std::move(pending));
}

TEST_P(RejectedExactDispatch, IsToldByItsReceiveWhateverIsAskedBetween) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(3);
  const Expected expected = expect(tokens, options());
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    for (int round = 0; round < 3; ++round) {
      send_rejected(group, mine, options(), [&](PendingDispatch pending) {
        EXPECT_FALSE(group.status());
        EXPECT_ERROR(group.dispatch_receive(std::move(pending)), ErrorCode::kRejectedByPeer, "rank 1");
        EXPECT_FALSE(group.status());
      });
      round_trip(group, mine, expected, options());
    }
  });
}

TEST_P(RejectedExactDispatch, DoesNotStopTheNextSend) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(3);
  const Expected expected = expect(tokens, options());
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    const auto rank = static_cast<std::size_t>(world.rank());
    const DeviceTokens mine(tokens[rank]);
    Group group(world, config_of(milliseconds(20'000)));
    std::optional<PendingDispatch> rejected;
    send_rejected(group, mine, options(), [&](PendingDispatch pending) { rejected.emplace(std::move(pending)); });
    PendingDispatch next = group.dispatch_send(mine.input(), options());
    if (rejected) {
      EXPECT_ERROR(group.dispatch_receive(std::move(*rejected)), ErrorCode::kRejectedByPeer, "rank 1");
    }
    const DispatchResult result = group.dispatch_receive(std::move(next));
    synchronize(group);
    EXPECT_EQ(result.num_rows, expected.dispatched[rank].num_rows);
    EXPECT_EQ(bytes_of(result.x), expected.dispatched[rank].x.bytes);
  });
}

TEST_P(RejectedExactDispatch, IsToldByStatusWhereNobodyReceivesIt) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(3);
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    send_rejected(group, mine, options(), [&](PendingDispatch pending) {
      EXPECT_FALSE(group.status());
      {
        const PendingDispatch dropped = std::move(pending);
      }
      const auto error = group.status();
      ASSERT_TRUE(error);
      EXPECT_EQ(name_of(error->code()), name_of(ErrorCode::kRejectedByPeer));
      EXPECT_FALSE(group.status());
    });
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, RejectedExactDispatch, testing::Values(Layout::kFlat, Layout::kExpertContiguous),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

/// A call behind work that does not end: that of a group whose other rank stays away, on the same stream.
TEST(HostWaits, EndWhereTheStreamDoesNotComeToTheCall) {
  std::promise<void> over;
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    Group holding(world, config_of(milliseconds(60'000)));
    if (world.rank() == 1) {
      over.get_future().wait();
      return;
    }
    const DeviceTokens mine(test::tokens_of(world));
    std::vector<World> alone = World::threads(1);
    Group group(alone[0], config_of(milliseconds(20'000)));
    const Execution execution{.stream = Stream::of(holding.stream())};
    const DispatchResult held = holding.dispatch(mine.input(), {.layout = Layout::kExpertPadded});
    group.set_deadline(milliseconds(200));
    EXPECT_ERROR(group.dispatch(mine.input(), {.execution = execution}), ErrorCode::kDeadlineExceeded, "stream");
    holding.abort("seen");
    synchronize(holding);
    group.set_deadline(milliseconds(20'000));
    group.set_live_ranks(std::vector<int>{0});
    EXPECT_GT(group.dispatch(mine.input(), {.execution = execution}).num_rows, 0);
    over.set_value();
  });
}

}  // namespace
}  // namespace crossdock::gpu
