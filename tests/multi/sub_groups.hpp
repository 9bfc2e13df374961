// Groups on parts of a world: what each of its ranks does, whatever the ranks are.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "crossdock/crossdock.hpp"

namespace crossdock::testing {

/// One rank of a group whose every token is filled with a number of its rank's.
class NumberedRank {
 public:
  NumberedRank(const World& world, int hidden, int experts_per_rank, int number)
      : group_(world, {.num_experts = experts_per_rank * world.num_ranks(),
                       .top_k = 2,
                       .hidden = hidden,
                       .max_tokens = kTokens,
                       .element_bytes = 4,
                       .num_threads = 1}),
        experts_per_rank_(experts_per_rank),
        hidden_(hidden),
        number_(static_cast<float>(number)),
        x_(static_cast<std::size_t>(kTokens * hidden), number_) {
    const int num_experts = experts_per_rank * world.num_ranks();
    for (int token = 0; token < kTokens; ++token) {
      topk_idx_.push_back(token % num_experts);
      topk_idx_.push_back((token + 1) % num_experts);
    }
  }

  Group& group() { return group_; }
  PendingDispatch send() { return group_.dispatch_send(input()); }

  /// Rows of exactly these numbers have come, and every token's sum is right.
  void finish(PendingDispatch pending, const std::set<float>& numbers) {
    const DispatchResult rows = group_.dispatch_receive(std::move(pending));
    const auto* row = static_cast<const float*>(rows.x.data);
    std::set<float> seen;
    for (std::int64_t i = 0; i < rows.num_rows * hidden_; ++i) seen.insert(row[i]);
    EXPECT_EQ(seen, numbers);
    const CombineResult sums = group_.combine(rows.handle, {.x = rows.x});
    const auto* y = static_cast<const float*>(sums.y.data);
    for (int token = 0; token < kTokens; ++token) {
      ASSERT_EQ(y[token * hidden_], number_ * static_cast<float>(num_ranks_of(token))) << "token " << token;
    }
  }

  void round(const std::set<float>& numbers) { finish(send(), numbers); }

 private:
  // Enough for every rank of eight to have some from everybody.
  static constexpr int kTokens = 32;

  DispatchInput input() const {
    return {.x = dense_view(static_cast<const void*>(x_.data()), DType::kFp32, {kTokens, hidden_}),
            .topk_idx = dense_view(static_cast<const void*>(topk_idx_.data()), DType::kInt32, {kTokens, 2})};
  }

  int num_ranks_of(int token) const {
    const auto first = static_cast<std::size_t>(2 * token);
    return topk_idx_[first] / experts_per_rank_ == topk_idx_[first + 1] / experts_per_rank_ ? 1 : 2;
  }

  Group group_;
  int experts_per_rank_;
  int hidden_;
  float number_;
  std::vector<float> x_;
  std::vector<int> topk_idx_;
};

/// Four ranks as 2 (data parallel) x 2 (expert parallel): on both ways a group, of different configurations.
inline void use_a_grid_both_ways(const World& world) {
  const int rank = world.rank();
  const auto ep = world.split(rank / 2, rank);
  const auto dp = world.split(rank % 2, rank);
  ASSERT_TRUE(ep && dp);
  const auto number = [](int one) { return static_cast<float>(one + 1); };
  const std::set<float> ep_numbers{number(rank), number(rank ^ 1)};
  const std::set<float> dp_numbers{number(rank), number(rank ^ 2)};
  std::optional<NumberedRank> in_ep(std::in_place, *ep, 64, 2, rank + 1);
  std::optional<NumberedRank> in_dp(std::in_place, *dp, 128, 3, rank + 1);
  for (int round = 0; round < 10; ++round) {
    PendingDispatch by_ep = in_ep->send();
    PendingDispatch by_dp = in_dp->send();
    in_dp->finish(std::move(by_dp), dp_numbers);
    in_ep->finish(std::move(by_ep), ep_numbers);
  }
  // One is gone on some ranks while the other is in use.
  if (rank % 2 == 0) in_ep.reset();
  in_dp->round(dp_numbers);
}

/// A split of a split: {0, 1, 2} and {3, 4}, each without its first rank.
inline void use_a_split_of_a_split(const World& world) {
  const int rank = world.rank();
  const auto outer = world.split(rank < 3 ? 0 : 1, 0);
  const auto inner = outer->split(outer->rank() == 0 ? -1 : 0, -rank);
  ASSERT_EQ(inner.has_value(), rank != 0 && rank != 3);
  const std::set<float> numbers = rank < 3 ? std::set<float>{1, 2, 3} : std::set<float>{4, 5};
  NumberedRank in_outer(*outer, 32, 1, rank + 1);
  in_outer.round(numbers);
  if (inner) {
    NumberedRank in_inner(*inner, 64, 2, rank + 1);
    in_inner.round(rank < 3 ? std::set<float>{2, 3} : std::set<float>{5});
  }
  in_outer.round(numbers);
}

}  // namespace crossdock::testing
