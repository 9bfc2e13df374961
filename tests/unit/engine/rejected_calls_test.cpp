// Bad input: a clear Error on the rank that is wrong, an Error at once on the others, and a group that goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

constexpr std::chrono::milliseconds kDeadline{20'000};

void expect_usable(Group& group, const RankTokens& tokens) {
  const DispatchResult result = group.dispatch(tokens.input());
  EXPECT_EQ(group.combine(result.handle, {.x = result.x}).y.shape[0], kTokens);
}

/// Rank 1 calls dispatch with spoilt input; the others with good input.
void expect_rejected(const std::function<void(DispatchInput&, DispatchOptions&)>& spoil, ErrorCode code,
                     const std::string& text, Layout layout = Layout::kFlat) {
  run_ranks(3, [&](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    DispatchInput input = tokens.input();
    DispatchOptions options{.layout = layout};
    if (world.rank() == 1) {
      spoil(input, options);
      EXPECT_ERROR(group.dispatch(input, options), code, text);
    } else {
      EXPECT_ERROR(group.dispatch(input, options), ErrorCode::kRejectedByPeer, text);
    }
    expect_usable(group, tokens);
  });
}

TEST(RejectedCalls, ShapesThatDisagree) {
  expect_rejected([](DispatchInput& input, DispatchOptions&) { input.topk_idx.shape[0] -= 1; },
                  ErrorCode::kInvalidArgument, "topk_idx");
}

TEST(RejectedCalls, ShapesThatDisagreeInLatencyMode) {
  expect_rejected([](DispatchInput& input, DispatchOptions&) { input.topk_idx.shape[0] -= 1; },
                  ErrorCode::kInvalidArgument, "topk_idx", Layout::kExpertPadded);
}

TEST(RejectedCalls, ExpertOutOfRange) {
  static const std::vector<std::int32_t> idx(kTokens * kTopK, kExperts);
  expect_rejected([](DispatchInput& input, DispatchOptions&) { input.topk_idx.data = idx.data(); },
                  ErrorCode::kInvalidArgument, "topk_idx[0, 0]: expected -1 or an expert of [0, 8), got 8");
}

TEST(RejectedCalls, HiddenOfTheWrongAlignment) {
  expect_rejected(
      [](DispatchInput& input, DispatchOptions&) {
        input.x.shape[1] = 127;
        input.x.strides[0] = 127;
      },
      ErrorCode::kInvalidArgument, "16");
}

TEST(RejectedCalls, HiddenThatQuantisingCannotUse) {
  expect_rejected(
      [](DispatchInput& input, DispatchOptions& options) {
        input.x.shape[1] = 64;
        options.quantize = Quantize::kFp8;
      },
      ErrorCode::kInvalidArgument, "128");
}

TEST(RejectedCalls, OptionsThatDiffer) {
  run_ranks(3, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    DispatchInput input = tokens.input();
    if (world.rank() == 2) input.topk_weights = {};
    EXPECT_ERROR(group.dispatch(input), ErrorCode::kOptionsMismatch, "topk_weights given");
    expect_usable(group, tokens);
  });
}

TEST(RejectedCalls, ModesThatDiffer) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchOptions options{.layout = world.rank() == 0 ? Layout::kFlat : Layout::kExpertPadded};
    EXPECT_ERROR(group.dispatch(tokens.input(), options), ErrorCode::kOptionsMismatch, "layout: rank");
    for (int round = 0; round < 5; ++round) {
      const DispatchResult result = group.dispatch(tokens.input(), {.layout = Layout::kExpertPadded});
      group.combine(result.handle, {.x = result.x});
      expect_usable(group, tokens);
    }
  });
}

TEST(RejectedCalls, OneDispatchesOneCombines) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = group.dispatch(tokens.input());
    if (world.rank() == 0) {
      EXPECT_ERROR(group.dispatch(tokens.input()), ErrorCode::kOptionsMismatch, "call (0 dispatch, 1 combine)");
    } else {
      EXPECT_ERROR(group.combine(result.handle, {.x = result.x}), ErrorCode::kOptionsMismatch,
                   "call (0 dispatch, 1 combine)");
    }
    expect_usable(group, tokens);
  });
}

TEST(RejectedCalls, MoreRowsThanCapacity) {
  run_ranks(3, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const std::int64_t capacity = world.rank() == 0 ? 3 * kTokens : 2;
    const auto error = error_of([&] { group.dispatch(tokens.input(), {.max_recv_rows = capacity}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kCapacityExceeded);
    EXPECT_EQ(error->report().peer, 1) << "the lowest rank that refused";
    EXPECT_GT(error->report().expected, 2);
    EXPECT_EQ(error->report().observed, 2);
    expect_usable(group, tokens);
  });
}

TEST(RejectedCalls, HandleOfAnotherGroup) {
  run_ranks(2, [](const World& world) {
    Group one(world, small_config(kDeadline));
    Group other(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult result = one.dispatch(tokens.input());
    EXPECT_ERROR(other.combine(result.handle, {.x = result.x}), ErrorCode::kInvalidHandle, "another group");
    EXPECT_ERROR(other.combine(Handle(), {.x = result.x}), ErrorCode::kInvalidHandle, "empty");
    expect_usable(other, tokens);
  });
}

TEST(RejectedCalls, HandlesOfDifferentDispatches) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchResult first = group.dispatch(tokens.input());
    const DispatchResult second = group.dispatch(tokens.input());
    const DispatchResult& mine = world.rank() == 0 ? first : second;
    EXPECT_ERROR(group.combine(mine.handle, {.x = mine.x}), ErrorCode::kOptionsMismatch, "handle");
    expect_usable(group, tokens);
  });
}

TEST(RejectedCalls, WindowTooSmallAtTheStart) {
  run_ranks(2, [](const World& world) {
    GroupConfig config = small_config(kDeadline);
    config.window_bytes = 4096;
    EXPECT_ERROR(Group(world, config), ErrorCode::kWindowTooSmall, "window_bytes: expected at least");
  });
}

TEST(RejectedCalls, WindowTooSmallForAResult) {
  run_ranks(2, [](const World& world) {
    GroupConfig config = small_config(kDeadline);
    const RequiredBytes required = required_bytes(config, 2);
    config.window_bytes = required.control + required.latency + 16 * 1024;
    Group group(world, config);
    const RankTokens tokens = tokens_of(world);
    std::vector<DispatchResult> kept;
    const auto error = error_of([&] {
      for (int i = 0; i < 100; ++i) kept.push_back(group.dispatch(tokens.input()));
    });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kWindowTooSmall) << error->what();
    kept.clear();
    EXPECT_GT(group.dispatch(tokens.input()).num_rows, 0);
  });
}

TEST(RejectedCalls, ConfigurationsThatDiffer) {
  run_ranks(3, [](const World& world) {
    GroupConfig config = small_config(kDeadline);
    if (world.rank() == 2) config.hidden = 256;
    EXPECT_ERROR(Group(world, config), ErrorCode::kOptionsMismatch, "hidden: rank");
  });
}

TEST(RejectedCalls, ConfigurationThatIsNotValidOnOneRank) {
  run_ranks(2, [](const World& world) {
    GroupConfig config = small_config(kDeadline);
    if (world.rank() == 1) {
      config.top_k = 33;
      EXPECT_ERROR(Group(world, config), ErrorCode::kInvalidArgument, "top_k: expected 1 to 32, got 33");
    } else {
      EXPECT_ERROR(Group(world, config), ErrorCode::kRejectedByPeer, "rank 1");
    }
  });
}

TEST(RejectedCalls, TooManyInFlight) {
  run_ranks(2, [](const World& world) {
    Group group(world, small_config(kDeadline));
    const RankTokens tokens = tokens_of(world);
    const DispatchOptions latency{.layout = Layout::kExpertPadded};
    std::vector<PendingDispatch> pending;
    pending.push_back(group.dispatch_send(tokens.input(), latency));
    pending.push_back(group.dispatch_send(tokens.input(), latency));
    const auto error = error_of([&] { group.dispatch_send(tokens.input(), latency); });
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), testing::HasSubstr("latency dispatches"));
    for (PendingDispatch& dispatch : pending) group.dispatch_receive(std::move(dispatch));
    expect_usable(group, tokens);
  });
}

}  // namespace
}  // namespace crossdock::test
