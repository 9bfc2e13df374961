#include "check/material.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace crossdock::tools::check {
namespace {

/// Calls `visit` for the operations of some cases that the plan accepts, until one returns true.
template <typename Wanted, typename Visit>
void first_operation(const Wanted& wanted, const Visit& visit) {
  for (std::int64_t index = 0; index < 500; ++index) {
    const CasePlan plan = plan_case(3, index);
    const auto has = [&](const RoundPlan& round) { return std::ranges::any_of(round.operations, wanted); };
    if (!std::ranges::any_of(plan.rounds, has)) continue;
    const Case made = make_case(plan);
    for (const Round& round : made.rounds) {
      for (const Operation& operation : round.operations) {
        if (wanted(operation.plan) && visit(operation)) return;
      }
    }
  }
  FAIL() << "no case of 500 has the operation";
}

TEST(Material, FollowsFromThePlan) {
  const Case first = make_case(plan_case(9, 4));
  const Case second = make_case(plan_case(9, 4));
  ASSERT_EQ(first.rounds.size(), second.rounds.size());
  const Operation& a = first.rounds[0].operations[0];
  const Operation& b = second.rounds[0].operations[0];
  for (std::size_t rank = 0; rank < a.parts.size(); ++rank) {
    EXPECT_EQ(a.parts[rank].rows.x.bytes, b.parts[rank].rows.x.bytes);
    EXPECT_EQ(a.parts[rank].topk_idx.bytes, b.parts[rank].topk_idx.bytes);
    EXPECT_EQ(a.parts[rank].combine_x.bytes, b.parts[rank].combine_x.bytes);
  }
}

TEST(Material, TooSmallIsRefused) {
  first_operation([](const OperationPlan& plan) { return plan.capacity == Capacity::kTooSmall; },
                  [](const Operation& operation) {
                    if (!operation.refusal) return false;
                    EXPECT_EQ(operation.refusal->code, ErrorCode::kCapacityExceeded);
                    const Part& part = operation.parts.at(static_cast<std::size_t>(operation.refusal->report.peer));
                    EXPECT_EQ(operation.refusal->report.observed, part.max_recv_rows);
                    EXPECT_GT(operation.refusal->report.expected, operation.refusal->report.observed);
                    EXPECT_TRUE(operation.combined.empty());
                    return true;
                  });
}

TEST(Material, ExactFillsTheOutput) {
  first_operation([](const OperationPlan& plan) { return plan.capacity == Capacity::kExact; },
                  [](const Operation& operation) {
                    for (std::size_t rank = 0; rank < operation.parts.size(); ++rank) {
                      EXPECT_EQ(operation.parts[rank].max_recv_rows, operation.dispatched[rank].num_rows);
                    }
                    return true;
                  });
}

TEST(Material, RowsThatNobodyReadsAreNaN) {
  first_operation(
      [](const OperationPlan& plan) {
        return plan.layout == Layout::kExpertPadded && plan.combine_dtype == DType::kBf16;
      },
      [](const Operation& operation) {
        const reference::Dispatched& dispatched = operation.dispatched[0];
        if (dispatched.num_rows == 0 || dispatched.x.shape[0] == 0) return false;
        const auto* counts = reinterpret_cast<const std::int32_t*>(dispatched.tokens_per_expert.bytes.data());
        const auto* rows = reinterpret_cast<const std::uint16_t*>(operation.parts[0].combine_x.bytes.data());
        const std::int64_t per_expert = dispatched.x.shape[1];
        for (std::int64_t expert = 0; expert < dispatched.x.shape[0]; ++expert) {
          for (std::int64_t row = 0; row < per_expert; ++row) {
            const std::uint16_t first = rows[(expert * per_expert + row) * operation.plan.hidden];
            EXPECT_EQ(first == 0xFFFF, row >= counts[expert]) << expert << " " << row;
          }
        }
        return true;
      });
}

TEST(Material, WindowHoldsTheResults) {
  const Case made = make_case(plan_case(9, 4));
  const RequiredBytes required = required_bytes(made.config, made.plan.num_ranks);
  EXPECT_GT(made.config.window_bytes, required.control + required.latency);
}

}  // namespace
}  // namespace crossdock::tools::check
