#include "cpu/fast/terms.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

namespace crossdock::cpu {
namespace {

constexpr std::int32_t kTokens = 150;  // lists of 64, 64 and 22
constexpr int kTopK = 6;
constexpr int kRanks = 6;
constexpr int kLocalExperts = 3;

/// A term as a test names it.
struct Named {
  int rank;
  const std::byte* row;
  float weight;
};

/// Random selections, -1 among them, and rows that start somewhere at every rank.
class Terms : public testing::TestWithParam<Layout> {
 protected:
  void SetUp() override {
    std::mt19937 random(7);
    std::vector<std::int32_t> topk_idx(kTokens * kTopK);
    for (auto& expert : topk_idx) expert = static_cast<std::int32_t>(random() % (kRanks * kLocalExperts + 1)) - 1;
    for (float i = 0; std::ssize(weights_) < kTokens * kTopK; ++i) weights_.push_back(i);
    const std::vector<std::uint8_t> live(kRanks, 1);
    route_ = core::make_route(dense_view(topk_idx.data(), DType::kInt32, {kTokens, kTopK}),
                              {.placement = {.num_experts = kRanks * kLocalExperts, .num_ranks = kRanks},
                               .topology = topology_,
                               .live = live,
                               .layout = GetParam()});
    std::uniform_int_distribution<std::int64_t> first_row(0, 8);
    for (int rank = 0; rank < kRanks; ++rank) {
      first_rows_.push_back({first_row(random), first_row(random), first_row(random)});
    }
    for (int rank = 0; rank < kRanks; ++rank) {
      peers_.push_back({.rows = memory_.data() + rank, .first_row = first_rows_[static_cast<std::size_t>(rank)]});
    }
    job_ = {.route = &route_,
            .topology = topology_,
            .layout = GetParam(),
            .row_dtype = DType::kBf16,
            .hidden = 8,
            .weights = GetParam() == Layout::kFlat ? nullptr : weights_.data(),
            .peers = peers_};
  }

  /// What the contract says, by a sort.
  std::vector<Named> expected(std::int64_t token) const {
    const bool flat = GetParam() == Layout::kFlat;
    std::vector<Named> terms;
    for (int k = 0; k < kTopK; ++k) {
      const core::Selection& selection = route_.at(token, k);
      const bool seen =
          std::ranges::any_of(terms, [&](const Named& term) { return flat && term.rank == selection.rank; });
      if (selection.rank < 0 || seen) continue;
      const PeerRows& peer = peers_[static_cast<std::size_t>(selection.rank)];
      const std::int64_t row =
          peer.first_row[flat ? 0 : static_cast<std::size_t>(selection.local_expert)] + selection.ordinal;
      terms.push_back({.rank = selection.rank,
                       .row = peer.rows + row * 16,
                       .weight = flat ? 1.0F : weights_[static_cast<std::size_t>(token * kTopK + k)]});
    }
    std::ranges::stable_sort(terms, {}, &Named::rank);
    return terms;
  }

  void expect_same(std::span<const SumTerm> got, const std::vector<Named>& want) const {
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
      const bool last = i + 1 == want.size();
      EXPECT_EQ(got[i].row, want[i].row);
      EXPECT_EQ(got[i].weight, want[i].weight);
      EXPECT_EQ(got[i].ends_rank, last || want[i + 1].rank != want[i].rank);
      EXPECT_EQ(got[i].ends_node, last || topology_.node_of(want[i + 1].rank) != topology_.node_of(want[i].rank));
    }
  }

  void check(std::int64_t begin, std::int64_t end) const {
    TermList list(job_, begin);
    for_each_run(begin, end, [&](std::int64_t first, std::int64_t last) {
      list.list(first, last);
      for (std::int64_t token = first; token < last; ++token) expect_same(list.of(token), expected(token));
    });
  }

  core::Topology topology_{.num_ranks = kRanks, .ranks_per_node = 2};
  std::vector<float> weights_;
  std::vector<std::vector<std::int64_t>> first_rows_;
  std::vector<std::byte> memory_ = std::vector<std::byte>(std::size_t{1} << 16);
  std::vector<PeerRows> peers_;
  core::Route route_;
  ReduceJob job_;
};

TEST_P(Terms, AreThoseOfTheContract) { check(0, kTokens); }

TEST_P(Terms, MayBeginWithAnyToken) { check(37, 140); }

INSTANTIATE_TEST_SUITE_P(Layouts, Terms,
                         testing::Values(Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded));

}  // namespace
}  // namespace crossdock::cpu
