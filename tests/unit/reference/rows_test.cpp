// Which token a row is: what the helpers say against what the rows hold.
#include "crossdock/rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>

#include "../expect_rejected.hpp"
#include "crossdock/error.hpp"
#include "small_case.hpp"

namespace crossdock::reference {
namespace {

using test::expect_rejected;

constexpr int kRanks = 3;
constexpr int kTopK = 4;
constexpr int kExperts = 7;
constexpr int kMostTokens = 9;
constexpr ExpertPlacement kPlacement{.num_experts = kExperts, .num_ranks = kRanks};

/// Every row and weight is another number, by which it is known again.
float x_of(int rank, std::int64_t token) { return static_cast<float>(100 * rank + token + 1); }
float weight_of(int rank, std::int64_t token, int k) { return static_cast<float>(1000 * rank + 10 * token + k + 1); }

/// Rank 1 has no tokens; some selections are none, some tokens select an expert twice.
class Job {
 public:
  Job(Layout layout, std::vector<int> live) : layout_(layout), live_(std::move(live)) {
    std::mt19937 random(20261128);
    for (int rank = 0; rank < kRanks; ++rank) add_rank(rank, rank == 1 ? 0 : kMostTokens - rank, random);
    const DispatchOptions options{.layout = layout, .expert_alignment = layout == Layout::kExpertContiguous ? 4 : 1};
    const Problem problem{
        .num_ranks = kRanks, .num_experts = kExperts, .latency_max_tokens = kMostTokens, .live = live_};
    outputs_ = dispatch(problem, inputs_, std::vector<DispatchOptions>(kRanks, options));
  }

  bool is_live(int rank) const { return live_.empty() || std::ranges::count(live_, rank) > 0; }
  std::vector<int> live() const { return live_.empty() ? std::vector<int>{0, 1, 2} : live_; }
  const Dispatched& output(int rank) const { return outputs_[static_cast<std::size_t>(rank)]; }
  std::int32_t expert_of(int rank, std::int64_t token, int k) const {
    return experts_[static_cast<std::size_t>(rank)][static_cast<std::size_t>(token * kTopK + k)];
  }

  std::vector<ConstTensorView> routings() const {
    std::vector<ConstTensorView> all;
    for (int rank = 0; rank < kRanks; ++rank) {
      all.push_back(is_live(rank) ? inputs_[static_cast<std::size_t>(rank)].topk_idx : ConstTensorView{});
    }
    return all;
  }

  DispatchResult result(int rank) { return as_result(outputs_[static_cast<std::size_t>(rank)]); }

  /// Rows that the routing sends to the rank.
  std::int64_t num_sent(int receiver) const {
    std::int64_t count = 0;
    for (const int rank : live()) {
      for (std::size_t token = 0; token < experts_[static_cast<std::size_t>(rank)].size() / kTopK; ++token) {
        std::vector<std::int32_t> here;
        for (int k = 0; k < kTopK; ++k) {
          const std::int32_t expert = expert_of(rank, static_cast<std::int64_t>(token), k);
          if (expert >= 0 && kPlacement.rank_of(expert) == receiver) here.push_back(expert);
        }
        if (layout_ == Layout::kFlat) here.resize(std::min<std::size_t>(here.size(), 1));
        std::ranges::sort(here);
        if (layout_ == Layout::kExpertPadded) here.erase(std::ranges::unique(here).begin(), here.end());
        count += static_cast<std::int64_t>(here.size());
      }
    }
    return count;
  }

 private:
  void add_rank(int rank, int num_tokens, std::mt19937& random) {
    std::vector<float> x;
    std::vector<float> weights;
    std::vector<std::int32_t> experts;
    for (int token = 0; token < num_tokens; ++token) {
      x.push_back(x_of(rank, token));
      for (int k = 0; k < kTopK; ++k) {
        weights.push_back(weight_of(rank, token, k));
        experts.push_back(static_cast<std::int32_t>(random() % (kExperts + 1)) - 1);
      }
    }
    inputs_.push_back({.x = store_.rows(DType::kFp32, 4, x),
                       .topk_idx = store_.integers<std::int32_t>({num_tokens, kTopK}, experts),
                       .topk_weights = store_.floats(DType::kFp32, {num_tokens, kTopK}, weights)});
    experts_.push_back(std::move(experts));
  }

  Layout layout_;
  std::vector<int> live_;
  Store store_;
  std::vector<std::vector<std::int32_t>> experts_;
  std::vector<DispatchInput> inputs_;
  std::vector<Dispatched> outputs_;
};

class Rows : public testing::TestWithParam<std::vector<int>> {};

TEST_P(Rows, OfContiguousExperts) {
  Job job(Layout::kExpertContiguous, GetParam());
  for (const int receiver : job.live()) {
    const std::vector<RowSource> sources = row_sources(job.result(receiver));
    const Dispatched& out = job.output(receiver);
    ASSERT_EQ(static_cast<std::int64_t>(sources.size()), out.num_rows);
    const std::vector<float> x = row_values(out.x);
    const std::vector<float> weights = floats_of(out.topk_weights);
    const std::vector<std::int64_t> experts = integers_of(out.row_expert);
    std::int64_t tokens = 0;
    for (std::size_t row = 0; row < sources.size(); ++row) {
      const RowSource& source = sources[row];
      EXPECT_EQ(source.expert, experts[row]);
      if (source.rank < 0) {
        EXPECT_EQ(source, RowSource{});
        continue;
      }
      ++tokens;
      EXPECT_EQ(x[row], x_of(source.rank, source.token));
      EXPECT_EQ(weights[row], weight_of(source.rank, source.token, source.k));
      EXPECT_EQ(job.expert_of(source.rank, source.token, source.k), kPlacement.first(receiver) + source.expert);
    }
    EXPECT_EQ(tokens, job.num_sent(receiver));
  }
}

TEST_P(Rows, OfPaddedExperts) {
  Job job(Layout::kExpertPadded, GetParam());
  for (const int receiver : job.live()) {
    const std::vector<RowSource> sources = row_sources(job.result(receiver));
    const std::vector<float> x = row_values(job.output(receiver).x);
    ASSERT_EQ(sources.size(), x.size());
    std::int64_t tokens = 0;
    for (std::size_t row = 0; row < sources.size(); ++row) {
      const RowSource& source = sources[row];
      if (source.rank < 0) {
        EXPECT_EQ(source, RowSource{});
        EXPECT_EQ(x[row], kPoisonFp32);
        continue;
      }
      ++tokens;
      EXPECT_EQ(static_cast<std::size_t>(source.expert), row / (kRanks * kMostTokens));
      EXPECT_EQ(x[row], x_of(source.rank, source.token));
      bool selected = false;
      for (int k = 0; k < kTopK; ++k) {
        selected |= job.expert_of(source.rank, source.token, k) == kPlacement.first(receiver) + source.expert;
      }
      EXPECT_TRUE(selected);
    }
    EXPECT_EQ(tokens, job.num_sent(receiver));
  }
}

TEST_P(Rows, OfFlat) {
  const Job job(Layout::kFlat, GetParam());
  for (const int receiver : job.live()) {
    const std::vector<RowSource> sources = flat_row_sources(job.routings(), kPlacement, receiver);
    const std::vector<float> x = row_values(job.output(receiver).x);
    ASSERT_EQ(sources.size(), x.size());
    EXPECT_EQ(static_cast<std::int64_t>(sources.size()), job.num_sent(receiver));
    for (std::size_t row = 0; row < sources.size(); ++row) {
      EXPECT_EQ(x[row], x_of(sources[row].rank, sources[row].token));
      EXPECT_EQ(sources[row].expert, -1);
      EXPECT_EQ(sources[row].k, -1);
    }
  }
}

TEST_P(Rows, AreAnExpertsAndASourcesByRange) {
  for (const Layout layout : {Layout::kExpertContiguous, Layout::kExpertPadded}) {
    Job job(layout, GetParam());
    for (const int receiver : job.live()) {
      const DispatchResult result = job.result(receiver);
      const std::vector<RowSource> sources = row_sources(result);
      std::vector<RowSource> by_range(sources.size());
      for (int expert = 0; expert < kPlacement.num_local(receiver); ++expert) {
        std::int64_t next = rows_of_expert(result, expert).begin;
        for (int source = 0; source < kRanks; ++source) {
          const RowRange rows = rows_from(result, expert, source);
          EXPECT_EQ(rows.begin, next);
          next = rows.end();
          for (std::int64_t row = rows.begin; row < rows.end(); ++row) {
            EXPECT_EQ(sources[static_cast<std::size_t>(row)].expert, expert);
            EXPECT_EQ(sources[static_cast<std::size_t>(row)].rank, source);
            by_range[static_cast<std::size_t>(row)] = sources[static_cast<std::size_t>(row)];
          }
        }
        EXPECT_EQ(next, rows_of_expert(result, expert).end());
      }
      EXPECT_EQ(by_range, sources) << "each row is in one range";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(LiveRanks, Rows,
                         testing::Values(std::vector<int>{}, std::vector<int>{0, 2}, std::vector<int>{1, 2},
                                         std::vector<int>{0}));

TEST(RowsOfOtherResults, AreRefused) {
  Job contiguous(Layout::kExpertContiguous, {});
  Job padded(Layout::kExpertPadded, {});
  Job flat(Layout::kFlat, {});
  expect_rejected("expert_contiguous or expert_padded", [&] { row_sources(flat.result(0)); });
  expect_rejected("expert_contiguous or expert_padded", [&] { rows_of_expert({}, 0); });
  expect_rejected("expert: expected [0, 2), got 2", [&] { rows_of_expert(contiguous.result(1), 2); });
  expect_rejected("expert: expected [0, 3), got -1", [&] { rows_of_expert(padded.result(0), -1); });
  expect_rejected("source: expected [0, 3), got 3", [&] { rows_from(padded.result(0), 0, 3); });
  expect_rejected("source: expected a rank, got -1", [&] { rows_from(contiguous.result(0), 0, -1); });
  std::int64_t count = 0;
  DispatchResult of_gpu = padded.result(0);
  of_gpu.device_num_rows = dense_view(static_cast<void*>(&count), DType::kInt64, {1});
  expect_rejected("host memory", [&] { row_sources(of_gpu); });
  DispatchResult cut = contiguous.result(0);
  cut.source.shape[0] = 1;
  expect_rejected("source: expected int32 with an element", [&] { row_sources(cut); });
  DispatchResult torn = padded.result(0);
  std::vector<std::int32_t> counts(3, kRanks * kMostTokens + 1);
  torn.tokens_per_expert.data = counts.data();
  expect_rejected("result: expected rows of [0, 27)", [&] { row_sources(torn); });
}

TEST(RowsOfOtherRoutings, AreRefused) {
  const Job job(Layout::kFlat, {});
  std::vector<ConstTensorView> routings = job.routings();
  expect_rejected("rank: expected [0, 2], got 3", [&] { flat_row_sources(routings, kPlacement, 3); });
  expect_rejected("those of 2 ranks, got 3",
                  [&] { flat_row_sources(routings, {.num_experts = kExperts, .num_ranks = 2}, 0); });
  expect_rejected("expert of [0, 3)", [&] { flat_row_sources(routings, {.num_experts = 3, .num_ranks = 3}, 0); });
  routings[2].dtype = DType::kFp32;
  expect_rejected("rank 2: topk_idx: expected dense int32 or int64",
                  [&] { flat_row_sources(routings, kPlacement, 0); });
}

}  // namespace
}  // namespace crossdock::reference
