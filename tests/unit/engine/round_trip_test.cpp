#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

std::vector<RankTokens> all_tokens(int num_ranks) {
  std::vector<RankTokens> tokens;
  for (int rank = 0; rank < num_ranks; ++rank) {
    tokens.push_back(make_tokens(rank, rank == 1 ? 0 : 5 + rank, kHidden, kTopK, kExperts));
  }
  return tokens;
}

/// Of a rank without tokens both may be null, which memcmp must not be given.
bool begins_with(const ConstTensorView& got, const reference::Tensor& want) {
  return std::equal(want.bytes.begin(), want.bytes.end(), static_cast<const std::byte*>(got.data));
}

class RoundTrip : public testing::TestWithParam<Layout> {};

TEST_P(RoundTrip, GivesTheBitsOfTheReference) {
  constexpr int kRanks = 3;
  const std::vector<RankTokens> tokens = all_tokens(kRanks);
  std::vector<DispatchInput> inputs;
  for (const RankTokens& rank : tokens) inputs.push_back(rank.input());
  const DispatchOptions options{.layout = GetParam()};
  const std::vector<DispatchOptions> all_options(kRanks, options);
  const reference::Problem problem{.num_ranks = kRanks, .num_experts = kExperts, .latency_max_tokens = 16};
  const auto expected = reference::dispatch(problem, inputs, all_options);
  std::vector<CombineInput> combines;
  for (const auto& rank : expected) combines.push_back({.x = rank.x.view()});
  const auto expected_y = reference::combine(problem, inputs, all_options, combines, {});

  run_ranks(kRanks, [&](const World& world) {
    Group group(world, small_config(std::chrono::seconds(20)));
    EXPECT_EQ(group.window_sharing(), WindowSharing::kAddresses);
    for (int round = 0; round < 20; ++round) {
      const DispatchResult result = group.dispatch(inputs[world.rank()], options);
      const auto& want = expected[world.rank()];
      ASSERT_EQ(result.num_rows, want.num_rows);
      if (GetParam() != Layout::kExpertPadded) {
        EXPECT_TRUE(begins_with(result.x, want.x));
      }
      EXPECT_TRUE(begins_with(result.tokens_per_expert, want.tokens_per_expert));
      const CombineResult combined = group.combine(result.handle, {.x = result.x});
      const auto& want_y = expected_y[world.rank()].y;
      ASSERT_EQ(combined.y.num_bytes(), want_y.bytes.size());
      EXPECT_TRUE(begins_with(combined.y, want_y));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Layouts, RoundTrip,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

}  // namespace
}  // namespace crossdock::test
