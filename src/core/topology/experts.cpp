#include "crossdock/experts.hpp"

#include <fmt/format.h>

#include <string_view>

#include "core/contract/reject.hpp"
#include "core/topology/placement.hpp"

namespace crossdock {
namespace {

constexpr core::Caller kCaller{.operation = "ExpertPlacement"};

void expect_between(std::string_view what, int low, int value, int high) {
  if (value < low || value > high)
    core::reject(kCaller, what, fmt::format("[{}, {}]", low, high), fmt::format("{}", value));
}

/// The same for the library's own use, which checks nothing.
core::Placement checked(const ExpertPlacement& placement) {
  constexpr int kMost = 1 << 30;
  expect_between("num_experts", 1, placement.num_experts, kMost);
  expect_between("num_ranks", 1, placement.num_ranks, kMost);
  return {.num_experts = placement.num_experts, .num_ranks = placement.num_ranks};
}

core::Placement checked_for_rank(const ExpertPlacement& placement, int rank) {
  const core::Placement checked_placement = checked(placement);
  expect_between("rank", 0, rank, placement.num_ranks - 1);
  return checked_placement;
}

core::Placement checked_for_expert(const ExpertPlacement& placement, int expert) {
  const core::Placement checked_placement = checked(placement);
  expect_between("expert", 0, expert, placement.num_experts - 1);
  return checked_placement;
}

}  // namespace

int ExpertPlacement::num_local(int rank) const { return checked_for_rank(*this, rank).num_local(rank); }
int ExpertPlacement::first(int rank) const { return checked_for_rank(*this, rank).first(rank); }
int ExpertPlacement::rank_of(int expert) const { return checked_for_expert(*this, expert).rank_of(expert); }
int ExpertPlacement::local_index(int expert) const { return checked_for_expert(*this, expert).local_index(expert); }
int ExpertPlacement::max_local() const { return checked(*this).max_local(); }

}  // namespace crossdock
