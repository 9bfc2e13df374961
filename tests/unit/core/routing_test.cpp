#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/routing/route.hpp"
#include "core/routing/slots.hpp"
#include "crossdock/error.hpp"

namespace crossdock::core {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Two ranks of three experts each: 0 1 2 | 3 4 5.
struct Source {
  std::vector<std::uint8_t> live{1, 1};
  RouteContext context{
      .placement = {.num_experts = 6, .num_ranks = 2}, .topology = {.num_ranks = 2, .ranks_per_node = 2}, .live = live};

  Route route(Layout layout, std::span<const std::int32_t> topk_idx, std::int64_t top_k) {
    context.layout = layout;
    const auto num_tokens = static_cast<std::int64_t>(topk_idx.size()) / top_k;
    return make_route(dense_view(topk_idx.data(), DType::kInt32, {num_tokens, top_k}), context);
  }
};

std::vector<int> ordinals(const Route& route) {
  std::vector<int> all;
  for (const Selection& selection : route.selections) all.push_back(selection.ordinal);
  return all;
}

// Token 0 repeats expert 4, token 1 has none, token 2 is on rank 1 alone.
constexpr std::array<std::int32_t, 9> kRepeats{4, 0, 4, -1, -1, -1, 5, 4, -1};

TEST(Route, FlatNumbersTokensOfARank) {
  const Route route = Source{}.route(Layout::kFlat, kRepeats, 3);
  EXPECT_THAT(route.tokens_to[0], ElementsAre(0));
  EXPECT_THAT(route.tokens_to[1], ElementsAre(0, 2));
  EXPECT_THAT(ordinals(route), ElementsAre(0, 0, 0, -1, -1, -1, 1, 1, -1));
  EXPECT_THAT(route.expert_rows[0], ElementsAre(1, 0, 0));
  EXPECT_THAT(route.expert_rows[1], ElementsAre(0, 3, 1));
  EXPECT_EQ(route.at(0, 0).rank, 1);
  EXPECT_EQ(route.at(0, 0).local_expert, 1);
  EXPECT_EQ(route.at(1, 2).rank, -1);
  EXPECT_EQ(route.node_rows, 0);
}

TEST(Route, ContiguousNumbersSelectionsOfAnExpert) {
  const Route route = Source{}.route(Layout::kExpertContiguous, kRepeats, 3);
  EXPECT_THAT(ordinals(route), ElementsAre(0, 0, 1, -1, -1, -1, 0, 2, -1));
  EXPECT_THAT(route.expert_rows[1], ElementsAre(0, 3, 1));
  EXPECT_THAT(route.tokens_to[1], ElementsAre(0, 2));
}

TEST(Route, PaddedSharesTheRowOfARepeatedExpert) {
  const Route route = Source{}.route(Layout::kExpertPadded, kRepeats, 3);
  EXPECT_THAT(ordinals(route), ElementsAre(0, 0, 0, -1, -1, -1, 0, 1, -1));
  EXPECT_THAT(route.expert_rows[1], ElementsAre(0, 2, 1));
}

TEST(Route, DropsSelectionsOfRanksThatAreNotLive) {
  Source source;
  source.live[1] = 0;
  const Route route = source.route(Layout::kFlat, kRepeats, 3);
  EXPECT_THAT(route.tokens_to[0], ElementsAre(0));
  EXPECT_THAT(route.tokens_to[1], IsEmpty());
  EXPECT_THAT(ordinals(route), ElementsAre(-1, 0, -1, -1, -1, -1, -1, -1, -1));
}

TEST(Route, CountsARowForEachOtherNode) {
  const std::vector<std::uint8_t> live(6, 1);
  const RouteContext context{.placement = {.num_experts = 6, .num_ranks = 6},
                             .topology = {.num_ranks = 6, .ranks_per_node = 2},
                             .rank = 2,
                             .live = live};
  const std::vector<std::int64_t> topk_idx{0, 1, 4, 5, 2, 3, -1, 2};  // two other nodes; none (own node)
  const Route route = make_route(dense_view(topk_idx.data(), DType::kInt64, {2, 4}), context);
  EXPECT_EQ(route.node_rows, 2);
}

TEST(Route, RefusesAnIndexThatIsNoExpert) {
  for (const std::int32_t bad : {6, -2}) {
    try {
      Source{}.route(Layout::kFlat, std::array{0, 1, 2, bad}, 2);
      ADD_FAILURE() << bad << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("topk_idx[1, 1] of rank 0: expected -1 or an expert of [0, 6)"));
    }
  }
}

TEST(Route, NoTokens) {
  const Route route = Source{}.route(Layout::kFlat, {}, 4);
  EXPECT_EQ(route.num_tokens, 0);
  EXPECT_EQ(route.top_k, 4);
  EXPECT_THAT(route.tokens_to[0], IsEmpty());
}

TEST(Slots, FlatIsAPrefixSum) {
  const std::array<std::int64_t, 3> rows{2, 0, 5};
  const Slots slots = flat_slots(rows);
  EXPECT_THAT(slots.first_row, ElementsAre(ElementsAre(0), ElementsAre(2), ElementsAre(2)));
  EXPECT_EQ(slots.num_rows, 7);
}

TEST(Slots, ContiguousAlignsEachExpert) {
  const Slots slots = contiguous_slots({{1, 0, 4}, {2, 0, 1}}, 3, 4);
  EXPECT_THAT(slots.expert_offsets, ElementsAre(0, 4, 4, 12));
  EXPECT_THAT(slots.first_row, ElementsAre(ElementsAre(0, 4, 4), ElementsAre(1, 4, 8)));
  EXPECT_EQ(slots.num_rows, 12);
}

TEST(Slots, PaddedStartsEachExpertAtItsOwnPlace) {
  const Slots slots = padded_slots({{1, 3}, {2, 0}}, 2, 8);
  EXPECT_THAT(slots.first_row, ElementsAre(ElementsAre(0, 8), ElementsAre(1, 11)));
  EXPECT_THAT(slots.expert_offsets, ElementsAre(0, 8, 16));
  EXPECT_EQ(slots.num_rows, 16);
}

TEST(Slots, RankWithoutExperts) {
  EXPECT_THAT(contiguous_slots({{}, {}}, 0, 8).expert_offsets, ElementsAre(0));
  EXPECT_EQ(padded_slots({{}, {}}, 0, 8).num_rows, 0);
}

/// Random routing of all ranks, and the layout's order by sorting.
class Ordering : public ::testing::TestWithParam<Layout> {
 protected:
  static constexpr int kRanks = 3;
  static constexpr int kTopK = 6;
  const Placement placement{.num_experts = 7, .num_ranks = kRanks};
  const std::vector<std::uint8_t> live{1, 1, 1};
  std::vector<Route> routes;

  void SetUp() override {
    std::mt19937 random(5);
    for (int rank = 0; rank < kRanks; ++rank) {
      const std::int64_t num_tokens = std::int64_t{7} * (rank + 1);
      std::vector<std::int32_t> topk_idx(static_cast<std::size_t>(num_tokens * kTopK));
      for (auto& expert : topk_idx) expert = static_cast<std::int32_t>(random() % 8) - 1;
      routes.push_back(make_route(dense_view(topk_idx.data(), DType::kInt32, {num_tokens, kTopK}),
                                  {.placement = placement,
                                   .topology = {.num_ranks = kRanks, .ranks_per_node = kRanks},
                                   .rank = rank,
                                   .live = live,
                                   .layout = GetParam()}));
    }
  }

  Slots slots_of(int dst) const {
    std::vector<std::int64_t> rows;
    ExpertCounts counts;
    for (const Route& route : routes) {
      rows.push_back(static_cast<std::int64_t>(route.tokens_to[dst].size()));
      counts.push_back(route.expert_rows[dst]);
    }
    if (GetParam() == Layout::kFlat) return flat_slots(rows);
    if (GetParam() == Layout::kExpertContiguous) return contiguous_slots(counts, placement.num_local(dst), 1);
    return padded_slots(counts, placement.num_local(dst), 1000);
  }

  /// What the layout sorts rows by; equal keys share a row.
  std::array<int, 4> key(int source, int token, int k) const {
    const Selection& selection = routes[source].at(token, k);
    if (GetParam() == Layout::kFlat) return {0, source, token, 0};
    return {selection.local_expert, source, token, GetParam() == Layout::kExpertContiguous ? k : 0};
  }

  template <typename Visit>
  void for_each_selection(int dst, Visit visit) const {
    for (int source = 0; source < kRanks; ++source) {
      for (int token = 0; token < routes[source].num_tokens; ++token) {
        for (int k = 0; k < kTopK; ++k) {
          if (routes[source].at(token, k).rank == dst) visit(source, token, k);
        }
      }
    }
  }
};

TEST_P(Ordering, FirstRowPlusOrdinalIsThePlaceInSortedOrder) {
  for (int dst = 0; dst < kRanks; ++dst) {
    std::set<std::array<int, 4>> keys;
    for_each_selection(dst, [&](int source, int token, int k) { keys.insert(key(source, token, k)); });
    const Slots slots = slots_of(dst);
    for_each_selection(dst, [&](int source, int token, int k) {
      const Selection& selection = routes[source].at(token, k);
      const auto mine = key(source, token, k);
      auto place = static_cast<std::int64_t>(std::distance(keys.begin(), keys.find(mine)));
      if (GetParam() == Layout::kExpertPadded) {
        place -= std::distance(keys.begin(), keys.lower_bound({mine[0], 0, 0, 0}));
        place += std::int64_t{1000} * mine[0];
      }
      const std::size_t column = GetParam() == Layout::kFlat ? 0 : selection.local_expert;
      ASSERT_EQ(slots.first_row[source][column] + selection.ordinal, place);
    });
    if (GetParam() != Layout::kExpertPadded) {
      EXPECT_EQ(slots.num_rows, static_cast<std::int64_t>(keys.size()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, Ordering,
                         ::testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded),
                         [](const auto& layout) { return std::string(name_of(layout.param)); });

}  // namespace
}  // namespace crossdock::core
