// What no caller should pass, by public entry: the exact message where it is passed, an Error at once on the other
// rank, and a group that goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

constexpr std::chrono::milliseconds kDeadline{20'000};
constexpr std::int64_t kHuge = std::int64_t{1} << 40;

template <typename Enum>
Enum value(int number) {
  return static_cast<Enum>(number);
}

void expect_exactly(const std::string& text, const std::function<void()>& call) {
  const auto error = error_of(call);
  EXPECT_EQ(std::string(error ? error->what() : ""), text);
}

void expect_usable(Group& group, const RankTokens& tokens) {
  const DispatchResult result = group.dispatch(tokens.input());
  EXPECT_EQ(group.combine(result.handle, {.x = result.x}).y.shape[0], kTokens);
}

/// Rank 1 made the mistake; what each of two ranks is told.
std::string told(int rank, const std::string& operation, const std::string& message) {
  const std::string text = operation + ", rank 1: " + message;
  if (rank == 1) return "InvalidArgument: " + text;
  return "RejectedByPeer: " + operation + ", rank 0: rank 1 rejected its call: " + text;
}

struct BadDispatch {
  const char* message;
  std::function<void(DispatchInput&, DispatchOptions&)> spoil;
};

std::array<std::byte, 1 << 16> spare{};

const BadDispatch kBadDispatchCases[]{
    {"layout: expected flat, expert_contiguous or expert_padded, got value 77",
     [](auto&, auto& options) { options.layout = value<Layout>(77); }},
    {"tree: expected per_rank, per_selection or hierarchical, got value 3",
     [](auto&, auto& options) { options.tree = value<ReductionTree>(3); }},
    {"quantize: expected none, fp8, fp8_power_of_two or fp8_ue8m0, got value 200",
     [](auto&, auto& options) { options.quantize = value<Quantize>(200); }},
    {"scale_order: expected row_major or column_major, got value 2",
     [](auto&, auto& options) { options.scale_order = value<ScaleOrder>(2); }},
    {"expert_alignment: expected [1, 1], got 0", [](auto&, auto& options) { options.expert_alignment = 0; }},
    {"max_recv_rows: expected at least 0, got -1", [](auto&, auto& options) { options.max_recv_rows = -1; }},
    {"execution.num_sms: expected at least 0, got -1", [](auto&, auto& options) { options.execution.num_sms = -1; }},
    {"x: expected bf16, fp16, fp32, fp8, int32 or int64, got value 6",
     [](auto& input, auto&) { input.x.dtype = value<DType>(6); }},
    {"x: expected 0 to 3 dimensions, got 4", [](auto& input, auto&) { input.x.num_dims = 4; }},
    {"x: expected 0 to 3 dimensions, got -2147483648",
     [](auto& input, auto&) { input.x.num_dims = std::numeric_limits<int>::min(); }},
    {"x: expected sizes that are not negative and fit memory, got fp32 [-6, 128]",
     [](auto& input, auto&) { input.x.shape[0] = -kTokens; }},
    {"x: expected sizes that are not negative and fit memory, got fp32 [1099511627776, 1099511627776]",
     [](auto& input, auto&) { input.x.shape = {kHuge, kHuge, 0}; }},
    {"x: expected memory, got fp32 [6, 128] at a null pointer", [](auto& input, auto&) { input.x.data = nullptr; }},
    {"x: expected memory at a multiple of 4 bytes, got fp32 [6, 128] at 2 beyond one",
     [](auto& input, auto&) { input.x.data = static_cast<const std::byte*>(input.x.data) + 2; }},
    {"x: expected rows at least their 128 elements apart, got a stride of 0",
     [](auto& input, auto&) { input.x.strides[0] = 0; }},
    {"x: expected strides that fit memory, got fp32 [6, 128] with strides [9223372036854775807, 1]",
     [](auto& input, auto&) { input.x.strides[0] = std::numeric_limits<std::int64_t>::max(); }},
    {"topk_idx: expected bf16, fp16, fp32, fp8, int32 or int64, got value 255",
     [](auto& input, auto&) { input.topk_idx.dtype = value<DType>(255); }},
    {"topk_idx: expected 0 to 3 dimensions, got 7", [](auto& input, auto&) { input.topk_idx.num_dims = 7; }},
    {"topk_weights: expected 0 to 3 dimensions, got -1", [](auto& input, auto&) { input.topk_weights.num_dims = -1; }},
    {"scales: expected 0 to 3 dimensions, got 5", [](auto& input, auto&) { input.scales.num_dims = 5; }},
    {"out_x: expected 0 to 3 dimensions, got 4", [](auto&, auto& options) { options.out_x.num_dims = 4; }},
    {"out_x: expected memory apart from that of x, got fp32 [6, 128] that overlaps fp32 [6, 128]",
     [](auto& input, auto& options) {
       options.out_x = dense_view(const_cast<void*>(input.x.data), DType::kFp32, {kTokens, kHidden});
     }},
    {"out_x: expected memory apart from that of topk_weights, got fp32 [1, 128] that overlaps fp32 [6, 4]",
     [](auto& input, auto& options) {
       input.topk_weights.data = spare.data() + 256;
       options.out_x = dense_view(spare.data(), DType::kFp32, {1, kHidden});
     }},
};

TEST(BadValues, Dispatch) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    for (const BadDispatch& bad : kBadDispatchCases) {
      DispatchInput input = tokens.input();
      DispatchOptions options;
      if (world.rank() == 1) bad.spoil(input, options);
      expect_exactly(told(world.rank(), "dispatch", bad.message), [&] { group.dispatch(input, options); });
    }
    expect_usable(group, tokens);
  });
}

struct BadCombine {
  const char* message;
  std::function<void(CombineInput&, CombineOptions&)> spoil;
};

const BadCombine kBadCombineCases[]{
    {"wire_dtype: expected bf16, fp16 or fp32, got value 6",
     [](auto&, auto& options) { options.wire_dtype = value<DType>(6); }},
    {"out_dtype: expected bf16, fp16 or fp32, got value 255",
     [](auto&, auto& options) { options.out_dtype = value<DType>(255); }},
    {"execution.num_sms: expected at least 0, got -2", [](auto&, auto& options) { options.execution.num_sms = -2; }},
    {"x: expected 0 to 3 dimensions, got 4", [](auto& input, auto&) { input.x.num_dims = 4; }},
    {"x: expected bf16, fp16, fp32, fp8, int32 or int64, got value 99",
     [](auto& input, auto&) { input.x.dtype = value<DType>(99); }},
    {"bias0: expected 0 to 3 dimensions, got -5", [](auto& input, auto&) { input.bias0.num_dims = -5; }},
    {"bias1: expected bf16, fp16, fp32, fp8, int32 or int64, got value 9",
     [](auto& input, auto&) { input.bias1 = {.dtype = value<DType>(9), .num_dims = 2, .shape = {kTokens, kHidden}}; }},
    {"recv_topk_weights: expected sizes that are not negative and fit memory, got fp32 [-1, 4]",
     [](auto& input, auto&) { input.recv_topk_weights = {.num_dims = 2, .shape = {-1, kTopK}}; }},
    {"out_y: expected 0 to 3 dimensions, got 4", [](auto&, auto& options) { options.out_y.num_dims = 4; }},
};

TEST(BadValues, Combine) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = group.dispatch(tokens.input());
    for (const BadCombine& bad : kBadCombineCases) {
      CombineInput input{.x = result.x};
      CombineOptions options;
      if (world.rank() == 1) bad.spoil(input, options);
      expect_exactly(told(world.rank(), "combine", bad.message), [&] { group.combine(result.handle, input, options); });
    }
    expect_usable(group, tokens);
  });
}

struct BadConfig {
  const char* message;
  std::function<void(GroupConfig&)> spoil;
};

const BadConfig kBadConfigCases[]{
    {"num_experts: expected at least 1, got -1", [](auto& config) { config.num_experts = -1; }},
    {"top_k: expected 1 to 32, got 0", [](auto& config) { config.top_k = 0; }},
    {"hidden: expected 1 to 1048576, got -8", [](auto& config) { config.hidden = -8; }},
    {"max_tokens: expected 0 to 16777216, got -1", [](auto& config) { config.max_tokens = -1; }},
    {"latency_max_tokens: expected 0 to 16777216, got 2147483647",
     [](auto& config) { config.latency_max_tokens = std::numeric_limits<int>::max(); }},
    {"element_bytes: expected 2 or 4, got 3", [](auto& config) { config.element_bytes = 3; }},
    {"expert_alignment: expected 1 to 1048576, got -1", [](auto& config) { config.expert_alignment = -1; }},
    {"latency_slots: expected 2 to 8, got -2", [](auto& config) { config.latency_slots = -2; }},
    {"live_results: expected 1 to 1024, got -1", [](auto& config) { config.live_results = -1; }},
    {"backend: expected 0 (cpu) or 1 (cuda), got 7", [](auto& config) { config.backend = value<Backend>(7); }},
    {"device: expected -1 or the number of a GPU, got -2", [](auto& config) { config.device = -2; }},
    {"num_sms: expected 0 to 1024, got -1", [](auto& config) { config.num_sms = -1; }},
    {"num_threads: expected 0 to 4096, got -1", [](auto& config) { config.num_threads = -1; }},
    {"deadline: expected more than 0 ms, got -1 ms",
     [](auto& config) { config.deadline = std::chrono::milliseconds(-1); }},
};

TEST(BadValues, GroupConfig) {
  for (const BadConfig& bad : kBadConfigCases) {
    GroupConfig config = small_config(kDeadline);
    bad.spoil(config);
    const std::string text = std::string("InvalidArgument: GroupConfig::") + bad.message;
    expect_exactly(text, [&] { required_bytes(config, 2); });
    run_ranks(2, [&](const World& world) {
      const GroupConfig mine = world.rank() == 1 ? config : small_config(kDeadline);
      expect_exactly(world.rank() == 1 ? text : "RejectedByPeer: connect: rank 1 failed: " + text,
                     [&] { Group(world, mine); });
    });
  }
  expect_exactly("InvalidArgument: GroupConfig::num_ranks: expected at least 1 rank, got 0",
                 [] { required_bytes(small_config(kDeadline), 0); });
  expect_exactly("InvalidArgument: ranks_per_node: expected a divisor of 2 ranks, got -1", [] {
    GroupConfig config = small_config(kDeadline);
    config.ranks_per_node = -1;
    required_bytes(config, 2);
  });
}

struct BadAllocation {
  const char* message;
  std::function<void(Group&)> allocate;
};

const BadAllocation kBadAllocations[]{
    {"expected sizes that are not negative and fit memory, got fp32 [-1, 64]",
     [](Group& group) { group.allocate(DType::kFp32, {-1, 64}); }},
    {"expected sizes that are not negative and fit memory, got int64 [1099511627776, 1099511627776]",
     [](Group& group) { group.allocate(DType::kInt64, {kHuge, kHuge}); }},
    {"expected bf16, fp16, fp32, fp8, int32 or int64, got value 8",
     [](Group& group) { group.allocate(value<DType>(8), {1}); }},
    {"expected 1 to 3 sizes, got 0", [](Group& group) { group.allocate(DType::kFp32, {}); }},
    {"expected 1 to 3 sizes, got 4", [](Group& group) { group.allocate(DType::kFp32, {1, 1, 1, 1}); }},
};

TEST(BadValues, Allocate) {
  run_ranks(1, [](const World& world) {
    Group group(world, small_config(kDeadline));
    for (const BadAllocation& bad : kBadAllocations) {
      expect_exactly(std::string("InvalidArgument: allocate, rank 0: shape: ") + bad.message,
                     [&] { bad.allocate(group); });
    }
    EXPECT_ERROR(group.allocate(DType::kInt64, {std::numeric_limits<std::int64_t>::max() / 8}),
                 ErrorCode::kWindowTooSmall, "free bytes in one piece");
    EXPECT_EQ(group.allocate(DType::kFp32, {0, 64}).view.num_bytes(), 0U);
    expect_usable(group, tokens_of(world));
  });
}

TEST(BadValues, Handle) {
  const Handle empty;
  for (const std::function<void()>& ask :
       {std::function<void()>([&] { (void)empty.layout(); }), std::function<void()>([&] { (void)empty.tree(); }),
        std::function<void()>([&] { (void)empty.num_tokens(); }),
        std::function<void()>([&] { (void)empty.num_rows(); })}) {
    expect_exactly("InvalidHandle: Handle: expected one that dispatch returned, got an empty one", ask);
  }
}

Group take(Group& group) { return std::move(group); }

TEST(BadValues, GroupThatWasMovedFrom) {
  run_ranks(1, [](const World& world) {
    Group moved(world, small_config(kDeadline));
    Group group = take(moved);
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = group.dispatch(tokens.input());
    const std::vector<std::function<void()>> calls{
        [&] { (void)moved.rank(); },
        [&] { (void)moved.num_ranks(); },
        [&] { (void)moved.num_nodes(); },
        [&] { (void)moved.num_local_experts(); },
        [&] { (void)moved.placement(); },
        [&] { (void)moved.epoch(); },
        [&] { (void)moved.config(); },
        [&] { (void)moved.window_sharing(); },
        [&] { (void)moved.stream(); },
        [&] { (void)moved.live_ranks(); },
        [&] { (void)moved.wait_times(); },
        [&] { moved.dispatch(tokens.input()); },
        [&] { moved.dispatch_send(tokens.input()); },
        [&] { moved.dispatch(result.handle, tokens.input()); },
        [&] { moved.dispatch_receive(group.dispatch_send(tokens.input())); },
        [&] { moved.combine(result.handle, {.x = result.x}); },
        [&] { moved.combine_receive(group.combine_send(result.handle, {.x = result.x})); },
        [&] { moved.allocate(DType::kFp32, {1}); },
        [&] { moved.set_live_ranks(std::array{0}); },
        [&] { moved.set_deadline(kDeadline); },
    };
    for (const auto& call : calls) {
      expect_exactly("InvalidArgument: Group: expected one that was made, got one that was moved from", call);
    }
    const auto status = moved.status();
    EXPECT_STREQ(status ? status->what() : "",
                 "InvalidArgument: Group: expected one that was made, got one that was moved from");
    moved.abort("has nobody to tell");
    expect_usable(group, tokens);
  });
}

TEST(BadValues, PendingThatIsNotThisGroups) {
  run_ranks(1, [](const World& world) {
    Group group(world, small_config(kDeadline));
    Group other(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = group.dispatch(tokens.input());
    expect_exactly(
        "InvalidArgument: dispatch_receive, rank 0: pending: expected what dispatch_send of this group returned, got "
        "another group's",
        [&] { other.dispatch_receive(group.dispatch_send(tokens.input())); });
    expect_exactly(
        "InvalidArgument: combine_receive, rank 0: pending: expected what combine_send of this group returned, got "
        "another group's",
        [&] { other.combine_receive(group.combine_send(result.handle, {.x = result.x})); });
    PendingDispatch dispatch = group.dispatch_send(tokens.input());
    const auto receive = [&group](PendingDispatch& pending) { group.dispatch_receive(std::move(pending)); };
    receive(dispatch);
    expect_exactly(
        "InvalidArgument: dispatch_receive, rank 0: pending: expected what dispatch_send of this group returned, got "
        "one that was moved from",
        [&] { receive(dispatch); });
    expect_usable(group, tokens);
    expect_usable(other, tokens);
  });
}

TEST(BadValues, LiveRanks) {
  run_ranks(1, [](const World& world) {
    Group group(world, small_config(kDeadline));
    for (const auto& [live, shown] :
         {std::pair(std::vector<int>{}, "[]"), std::pair(std::vector<int>{0, 0}, "[0, 0]"),
          std::pair(std::vector<int>{1}, "[1]"), std::pair(std::vector<int>{-1, 0}, "[-1, 0]"),
          std::pair(std::vector<int>{std::numeric_limits<int>::max()}, "[2147483647]")}) {
      expect_exactly(
          std::string("InvalidArgument: set_live_ranks, rank 0: expected ascending ranks of [0, 1), got ") + shown,
          [&] { group.set_live_ranks(live); });
    }
    expect_usable(group, tokens_of(world));
  });
}

TEST(BadValues, World) {
  std::vector<World> worlds = World::threads(1);
  const World taken = std::move(worlds.front());
  const std::string moved = "InvalidArgument: World: expected one that was made, got one that was moved from";
  expect_exactly(moved, [&] { (void)worlds.front().rank(); });
  expect_exactly(moved, [&] { (void)worlds.front().num_ranks(); });
  expect_exactly(moved, [&] { Group(worlds.front(), small_config(kDeadline)); });
  expect_exactly("InvalidArgument: number of ranks: expected [1, 65536], got -1", [] { World::threads(-1); });
  expect_exactly("InvalidArgument: number of ranks: expected [1, 65536], got 2147483647",
                 [] { World::threads(std::numeric_limits<int>::max()); });
  expect_exactly("InvalidArgument: bootstrap: number of ranks: expected [1, 65536], got 0",
                 [] { World::tcp({.num_ranks = 0}); });
  expect_exactly("InvalidArgument: bootstrap: rank: expected [0, 1], got -1",
                 [] { World::tcp({.rank = -1, .num_ranks = 2}); });
  expect_exactly("InvalidArgument: bootstrap: port: expected [1, 65535], got 65536",
                 [] { World::tcp({.num_ranks = 2, .port = 65536}); });
  expect_exactly(
      "InvalidArgument: TcpWorldOptions::address: expected a host name, an IPv4 or an IPv6 address, got \"\"",
      [] { World::tcp({.num_ranks = 2, .address = ""}); });
}

// More than any window: refused when room is made, by every rank at once.
TEST(BadValues, RowsBeyondMemory) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous}) {
      for (const std::int64_t rows : {std::numeric_limits<std::int64_t>::max(), kHuge}) {
        DispatchOptions options{.layout = layout, .max_recv_rows = world.rank() == 1 ? rows : 100};
        const auto error = error_of([&] { group.dispatch(tokens.input(), options); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->code(), rows == kHuge ? ErrorCode::kWindowTooSmall : ErrorCode::kInvalidArgument)
            << error->what();
        EXPECT_EQ(error->report().peer, 1) << error->what();
      }
    }
    expect_usable(group, tokens);
  });
}

// A view of a result that has been dropped: the call itself may take that memory.
TEST(BadValues, WindowMemoryThatNobodyHolds) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    DispatchResult result = group.dispatch(tokens.input());
    auto [held, memory] = group.allocate(DType::kFp32, {64, kHidden});
    EXPECT_NO_THROW(group.dispatch(tokens.input(), {.out_x = held})) << "memory that the caller holds";
    memory = {};
    EXPECT_ERROR(group.dispatch(tokens.input(), {.out_x = held}), ErrorCode::kInvalidArgument,
                 "out_x: expected memory that is held, got fp32 [64, 128] in window memory that was given back");
    result.memory = {};
    EXPECT_ERROR(group.combine(result.handle, {.x = result.x}), ErrorCode::kInvalidArgument,
                 "x: expected memory that is held, got fp32 [");
    expect_usable(group, tokens);
  });
}

}  // namespace
}  // namespace crossdock::test
