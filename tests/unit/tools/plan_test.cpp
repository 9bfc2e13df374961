#include "check/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

namespace crossdock::tools::check {
namespace {

constexpr std::int64_t kCases = 2000;

std::vector<CasePlan> all_plans() {
  std::vector<CasePlan> plans;
  for (std::int64_t index = 0; index < kCases; ++index) plans.push_back(plan_case(1, index));
  return plans;
}

using Operations = std::function<void(const CasePlan&, const RoundPlan&, const OperationPlan&)>;
void for_each_operation(const Operations& visit) {
  for (const CasePlan& plan : all_plans()) {
    for (const RoundPlan& round : plan.rounds) {
      for (const OperationPlan& operation : round.operations) visit(plan, round, operation);
    }
  }
}

TEST(Plan, FollowsFromSeedAndIndexAlone) {
  EXPECT_EQ(describe(plan_case(5, 7)), describe(plan_case(5, 7)));
  EXPECT_NE(describe(plan_case(5, 7)), describe(plan_case(5, 8)));
  EXPECT_NE(describe(plan_case(5, 7)), describe(plan_case(6, 7)));
}

TEST(Plan, ReachesEveryFeature) {
  std::set<std::string> seen;
  const auto see = [&](const std::string& what, bool does) {
    if (does) seen.insert(what);
  };
  std::set<std::string> expected;
  for_each_operation([&](const CasePlan& plan, const RoundPlan& round, const OperationPlan& operation) {
    const RowsPlan& rows = operation.rows;
    const bool masked = static_cast<int>(round.live.size()) < plan.num_ranks;
    const std::pair<const char*, bool> features[] = {
        {"1 rank", plan.num_ranks == 1},
        {"16 ranks", plan.num_ranks == 16},
        {"several nodes", plan.config.ranks_per_node < plan.num_ranks},
        {"ranks without experts", plan.config.num_experts < plan.num_ranks},
        {"uneven experts", plan.config.num_experts % plan.num_ranks != 0},
        {"no tokens", std::ranges::count(operation.tokens, 0) > 0},
        {"top-1", operation.top_k == 1},
        {"top-16", operation.top_k == 16},
        {"flat", operation.layout == Layout::kFlat},
        {"contiguous", operation.layout == Layout::kExpertContiguous},
        {"padded", operation.layout == Layout::kExpertPadded},
        {"alignment 128", operation.alignment == 128},
        {"per rank", operation.tree == ReductionTree::kPerRank},
        {"per selection", operation.tree == ReductionTree::kPerSelection},
        {"hierarchical", operation.tree == ReductionTree::kHierarchical},
        {"repeats", operation.routing == Routing::kRepeats},
        {"hot", operation.routing == Routing::kHot},
        {"holes", operation.routing == Routing::kHoles},
        {"no selections", operation.routing == Routing::kNone},
        {"int64", operation.idx_dtype == DType::kInt64},
        {"weights at combine", operation.weights == WeightsAt::kCombine},
        {"weights at both", operation.weights == WeightsAt::kBoth},
        {"no weights", operation.weights == WeightsAt::kNowhere},
        {"exact", operation.capacity == Capacity::kExact},
        {"larger", operation.capacity == Capacity::kLarger},
        {"too small", operation.capacity == Capacity::kTooSmall},
        {"out_x", rows.out_x},
        {"ready fp8", rows.dtype == DType::kFp8E4m3},
        {"int32 scales", rows.scale_dtype == DType::kInt32},
        {"broadcast scales", rows.scale_strides == ScaleStrides::kBroadcast},
        {"quantised", rows.quantize == Quantize::kFp8},
        {"power of two", rows.quantize == Quantize::kFp8PowerOfTwo},
        {"ue8m0", rows.quantize == Quantize::kFp8Ue8m0},
        {"column major", rows.scale_order == ScaleOrder::kColumnMajor},
        {"fp16", rows.dtype == DType::kFp16},
        {"fp32", rows.dtype == DType::kFp32},
        {"gaps", rows.row_gaps},
        {"special values", rows.special_values},
        {"cached", operation.again.has_value()},
        {"cached out_x", operation.again && operation.again->out_x},
        {"wire", operation.wire_dtype == DType::kFp16},
        {"out", operation.out_dtype == DType::kFp32},
        {"two biases", operation.biases.size() == 2},
        {"rows elsewhere", !operation.rows_in_window},
        {"out_y", operation.out_y},
        {"recv weights", operation.recv_weights},
        {"masked", masked},
        {"first masked", masked && round.live.front() == 1},
        {"back again", &round != &plan.rounds.front() && !masked},
        {"interleaved", round.pattern == Pattern::kInterleaved},
        {"overlapped", round.pattern == Pattern::kOverlapped},
        {"two operations", round.operations.size() == 2}};
    for (const auto& [what, does] : features) {
      expected.insert(what);
      see(what, does);
    }
  });
  EXPECT_EQ(seen, expected);
}

TEST(Plan, KeepsTheContract) {
  for_each_operation([](const CasePlan& plan, const RoundPlan&, const OperationPlan& operation) {
    const GroupConfig& config = plan.config;
    EXPECT_EQ(plan.num_ranks % config.ranks_per_node, 0);
    EXPECT_LE(operation.hidden, config.hidden);
    EXPECT_LE(operation.top_k, config.top_k);
    EXPECT_LE(operation.alignment, config.expert_alignment);
    const bool padded = operation.layout == Layout::kExpertPadded;
    const int most = padded ? config.latency_max_tokens : config.max_tokens;
    EXPECT_LE(*std::ranges::max_element(operation.tokens), most);
    EXPECT_EQ(operation.hidden * size_of(operation.rows.dtype) % 16, 0U);
    if (operation.rows.quantize != Quantize::kNone) {
      EXPECT_EQ(operation.hidden % kQuantBlock, 0);
    }
    if (operation.tree == ReductionTree::kPerSelection) {
      EXPECT_NE(operation.layout, Layout::kFlat);
      EXPECT_EQ(config.ranks_per_node, plan.num_ranks);
    }
    if (padded) {
      EXPECT_EQ(operation.capacity, Capacity::kNone);
    }
  });
}

TEST(Plan, ObeysItsRules) {
  for (std::int64_t index = 0; index < 200; ++index) {
    const CasePlan drawn = plan_case(1, index, {.backend = Backend::kCuda, .max_ranks = 3});
    EXPECT_LE(drawn.num_ranks, 3);
    EXPECT_EQ(drawn.config.ranks_per_node, drawn.num_ranks) << "GPUs serve one node";
    EXPECT_EQ(drawn.config.backend, Backend::kCuda);
    const CasePlan asked =
        plan_case(1, index, {.num_ranks = 6, .layout = Layout::kExpertContiguous, .mask_each_rank = true});
    EXPECT_EQ(asked.num_ranks, 6);
    EXPECT_EQ(asked.rounds.size(), 7U) << "all ranks, then without each";
    for (const RoundPlan& round : asked.rounds) {
      for (const OperationPlan& operation : round.operations) EXPECT_EQ(operation.layout, Layout::kExpertContiguous);
    }
  }
}

TEST(Plan, EveryRankIsMaskedInTurn) {
  const auto plans = all_plans();
  const auto in_turn = [](const CasePlan& plan) {
    std::set<int> masked;
    for (const RoundPlan& round : plan.rounds) {
      for (int rank = 0; rank < plan.num_ranks; ++rank) {
        if (!std::ranges::binary_search(round.live, rank)) masked.insert(rank);
      }
    }
    return plan.num_ranks > 2 && static_cast<int>(masked.size()) == plan.num_ranks;
  };
  EXPECT_TRUE(std::ranges::any_of(plans, in_turn));
}

}  // namespace
}  // namespace crossdock::tools::check
