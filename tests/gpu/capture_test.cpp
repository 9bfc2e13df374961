// Calls in graphs: what may be captured, and what the group knows of it.
#include <barrier>
#include <memory>

#include "harness/captured.hpp"
#include "harness/group_cases.hpp"

namespace crossdock::gpu {
namespace {

class Event {
 public:
  Event() { kernels::check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class CapturedCalls : public testing::TestWithParam<Layout> {
 protected:
  static DispatchOptions options() {
    DispatchOptions options{.layout = GetParam()};
    if (options.layout != Layout::kExpertPadded) options.max_recv_rows = 64;
    return options;
  }
};

/// The group's stream joins the capture of another one by the event that the call waits for.
TEST_P(CapturedCalls, MayJoinACaptureByAnEvent) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const Expected expected = expect(tokens, {.layout = GetParam()});
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const auto rank = static_cast<std::size_t>(world.rank());
    const DeviceTokens mine(tokens[rank]);
    const DeviceTokens others(test::make_tokens(9, 16, kHidden, kTopK, kExperts));
    Group group(world, config_of(milliseconds(20'000)));
    cudaStream_t origin = nullptr;
    kernels::check_cuda(cudaStreamCreateWithFlags(&origin, cudaStreamNonBlocking), "cudaStreamCreate");
    const Event begun;
    const Event done;
    CombineResult combined;
    {
      const Captured graph(origin, [&] {
        kernels::check_cuda(cudaEventRecord(begun.get(), origin), "cudaEventRecord");
        DispatchOptions joining = options();
        joining.execution.after = begun.get();
        const DispatchResult rows = group.dispatch(mine.input(), joining);
        combined = group.combine(rows.handle, {.x = rows.x}, {.execution = {.done = done.get()}});
        kernels::check_cuda(cudaStreamWaitEvent(origin, done.get(), 0), "cudaStreamWaitEvent");
      });
      for (int replay = 0; replay < 2; ++replay) {
        graph.replay();
        EXPECT_EQ(bytes_of(combined.y), expected.combined[rank].y.bytes);
        EXPECT_EQ(group.wait_times().size(), 2U);
      }
    }
    group.set_live_ranks(std::vector<int>{0, 1});
    round_trip(group, mine, expected, {.layout = GetParam()});
    cudaStreamDestroy(origin);
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, CapturedCalls,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

/// A rank that is masked may be in the middle of a replay: what the captured call offered to it is nobody's until it is
/// heard of again, also where the results are gone and later calls have ended.
TEST(CapturedCalls, KeepWhatMaskedRanksMayWrite) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(3);
  std::barrier together(3);
  test::run_ranks(3, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    auto offered = std::make_unique<DispatchResult>();
    auto graph = std::make_unique<Captured>(static_cast<cudaStream_t>(group.stream()),
                                            [&] { *offered = group.dispatch(mine.input(), {.max_recv_rows = 64}); });
    graph->replay();
    (void)group.dispatch(mine.input());
    together.arrive_and_wait();
    if (world.rank() != 2) {
      group.set_deadline(milliseconds(300));
      graph->replay();
      ASSERT_TRUE(await_status(group));
      group.set_deadline(milliseconds(20'000));
      const auto* const begin = static_cast<const std::byte*>(offered->x.data);
      const std::byte* const end = begin + offered->x.num_bytes();
      graph.reset();
      offered.reset();
      group.set_live_ranks(std::vector<int>{0, 1});
      for (const Group::Allocation& piece : fill_window(group)) {
        const auto* const first = static_cast<const std::byte*>(piece.view.data);
        ASSERT_TRUE(first + piece.view.num_bytes() <= begin || first >= end);
      }
    }
    together.arrive_and_wait();
  });
}

/// Its receive would wait for a count that no kernel writes before the replay.
TEST(CapturedCalls, OfExactSizeAreRefused) {
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous}) {
    const Expected expected = expect(tokens, {.layout = layout});
    test::run_ranks(2, [&](const World& world) {
      use_device_of(world);
      const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
      Group group(world, config_of(milliseconds(20'000)));
      const Captured graph(static_cast<cudaStream_t>(group.stream()), [&] {
        EXPECT_ERROR(group.dispatch(mine.input(), {.layout = layout}), ErrorCode::kInvalidArgument, "max_recv_rows");
      });
      round_trip(group, mine, expected, {.layout = layout});
    });
  }
}

/// The last place for a captured outcome, and one call more.
TEST(CapturedCalls, BeyondTheLastOneAreRefusedAsAnyOther) {
  constexpr int kMost = 4096;
  const std::vector<RankTokens> tokens = tokens_of_ranks(2);
  const DispatchOptions options{.layout = Layout::kExpertPadded};
  const Expected expected = expect(tokens, options);
  test::run_ranks(2, [&](const World& world) {
    use_device_of(world);
    const DeviceTokens mine(tokens[static_cast<std::size_t>(world.rank())]);
    Group group(world, config_of(milliseconds(20'000)));
    auto* const stream = static_cast<cudaStream_t>(group.stream());
    {
      const Captured never_replayed(stream, [&] {
        for (int call = 1; call < kMost; ++call) (void)group.dispatch(mine.input(), options);
      });
    }
    const Captured graph(stream, [&] {
      (void)group.dispatch(mine.input(), options);
      EXPECT_ERROR(group.dispatch(mine.input(), options), ErrorCode::kInvalidArgument, "captured calls");
    });
    for (int replay = 0; replay < 2; ++replay) graph.replay();
    round_trip(group, mine, expected, options);
    EXPECT_FALSE(group.status());
  });
}

}  // namespace
}  // namespace crossdock::gpu
