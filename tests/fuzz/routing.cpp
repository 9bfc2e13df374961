// Routing and slots, computed rank by rank as a group does it, against the reference, which sees all ranks at once and
// shares no code with them: every selection's row, the counts, the traffic, in all three layouts.
#include <set>

#include "base/assert.hpp"
#include "core/routing/route.hpp"
#include "core/routing/slots.hpp"
#include "crossdock/reference.hpp"
#include "input.hpp"

namespace {

using namespace crossdock;
using core::Route;
using core::Slots;
using fuzz::Input;

constexpr std::int64_t kLatencyMaxTokens = 8;
constexpr std::int64_t kRowBytes = 16;

struct Problem {
  core::Placement placement = {};
  core::Topology topology = {};
  std::vector<std::uint8_t> live = {};
  Layout layout = Layout::kFlat;
  int alignment = 1;
  int top_k = 1;
  std::vector<std::vector<std::int32_t>> topk_idx = {};  ///< [R][T * K]; a rank that is not live has no tokens

  int num_ranks() const { return placement.num_ranks; }
  std::int64_t num_tokens(int rank) const { return std::ssize(topk_idx[static_cast<std::size_t>(rank)]) / top_k; }
  bool is_live(int rank) const { return live[static_cast<std::size_t>(rank)] != 0; }
  ConstTensorView idx(int rank) const {
    const void* data = topk_idx[static_cast<std::size_t>(rank)].data();
    return dense_view(data, DType::kInt32, {num_tokens(rank), top_k});
  }
};

std::vector<std::int32_t> read_topk_idx(Input& input, std::int64_t num_tokens, const Problem& problem) {
  std::vector<std::int32_t> topk_idx(static_cast<std::size_t>(num_tokens * problem.top_k));
  for (auto& expert : topk_idx) expert = input.between(-1, problem.placement.num_experts - 1);
  return topk_idx;
}

Problem read_problem(Input& input) {
  const int ranks_per_node = input.between(1, 3);
  const int num_ranks = ranks_per_node * input.between(1, 3);
  Problem problem{.placement = {.num_experts = input.between(1, 12), .num_ranks = num_ranks},
                  .topology = {.num_ranks = num_ranks, .ranks_per_node = ranks_per_node},
                  .layout = input.one_of({Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded}),
                  .alignment = input.between(1, 5),
                  .top_k = input.between(1, 5)};
  const int masked = input.between(0, 255);  // a bit a rank; rank 0 is always live
  for (int rank = 0; rank < num_ranks; ++rank) {
    problem.live.push_back(rank == 0 || ((masked >> (rank - 1)) & 1) == 0);
    const std::int64_t num_tokens = problem.live.back() ? input.between(0, kLatencyMaxTokens) : 0;
    problem.topk_idx.push_back(read_topk_idx(input, num_tokens, problem));
  }
  return problem;
}

/// Rows that say where they come from: (rank, token, 0, 0).
std::vector<float> make_x(const Problem& problem, int rank) {
  std::vector<float> x;
  for (std::int64_t token = 0; token < problem.num_tokens(rank); ++token) {
    x.insert(x.end(), {static_cast<float>(rank), static_cast<float>(token), 0, 0});
  }
  return x;
}

std::vector<reference::Dispatched> run_reference(const Problem& problem) {
  reference::Problem group{.num_ranks = problem.num_ranks(),
                           .ranks_per_node = problem.topology.ranks_per_node,
                           .num_experts = problem.placement.num_experts,
                           .latency_max_tokens = kLatencyMaxTokens};
  std::vector<std::vector<float>> x;
  std::vector<DispatchInput> inputs;
  for (int rank = 0; rank < problem.num_ranks(); ++rank) {
    if (problem.is_live(rank)) group.live.push_back(rank);
    x.push_back(make_x(problem, rank));
    const void* rows = x.back().data();
    inputs.push_back(
        {.x = dense_view(rows, DType::kFp32, {problem.num_tokens(rank), 4}), .topk_idx = problem.idx(rank)});
  }
  const DispatchOptions options{.layout = problem.layout, .expert_alignment = problem.alignment};
  return reference::dispatch(group, inputs, std::vector(inputs.size(), options));
}

std::vector<Route> make_routes(const Problem& problem) {
  std::vector<Route> routes;
  for (int rank = 0; rank < problem.num_ranks(); ++rank) {
    routes.push_back(core::make_route(problem.idx(rank), {.placement = problem.placement,
                                                          .topology = problem.topology,
                                                          .rank = rank,
                                                          .live = problem.live,
                                                          .layout = problem.layout}));
  }
  return routes;
}

Slots make_slots(const Problem& problem, const std::vector<Route>& routes, int dst) {
  std::vector<std::int64_t> rows;
  core::ExpertCounts counts;
  for (const Route& route : routes) {
    rows.push_back(std::ssize(route.tokens_to[static_cast<std::size_t>(dst)]));
    counts.push_back(route.expert_rows[static_cast<std::size_t>(dst)]);
  }
  const int num_local = problem.placement.num_local(dst);
  if (problem.layout == Layout::kFlat) return core::flat_slots(rows);
  if (problem.layout == Layout::kExpertContiguous) return core::contiguous_slots(counts, num_local, problem.alignment);
  return core::padded_slots(counts, num_local, problem.num_ranks() * kLatencyMaxTokens);
}

template <typename Value>
Value value_of(const reference::Tensor& tensor, std::int64_t index) {
  return static_cast<const Value*>(tensor.view().data)[index];
}

/// One selection that arrives: what the reference has in the row that routing gives it.
struct Arrival {
  int source = 0;
  std::int64_t token = 0;
  int k = 0;
  int local_expert = 0;
  std::int64_t row = 0;
};

void check_arrival(const Problem& problem, const reference::Dispatched& expected, const Arrival& arrival) {
  CROSSDOCK_ASSERT(value_of<float>(expected.x, 4 * arrival.row) == static_cast<float>(arrival.source));
  CROSSDOCK_ASSERT(value_of<float>(expected.x, 4 * arrival.row + 1) == static_cast<float>(arrival.token));
  if (problem.layout == Layout::kFlat) {
    const std::int64_t selection = arrival.row * problem.top_k + arrival.k;
    CROSSDOCK_ASSERT(value_of<std::int32_t>(expected.topk_idx, selection) == arrival.local_expert);
  }
  if (problem.layout == Layout::kExpertContiguous) {
    CROSSDOCK_ASSERT(value_of<std::int32_t>(expected.row_expert, arrival.row) == arrival.local_expert);
    CROSSDOCK_ASSERT(value_of<std::int32_t>(expected.source, 3 * arrival.row + 2) == arrival.k);
  }
  if (problem.layout == Layout::kExpertPadded) {
    CROSSDOCK_ASSERT(value_of<std::int32_t>(expected.source_token, arrival.row) == arrival.token);
  }
}

/// The row of every selection that goes to `dst`.
std::set<std::int64_t> check_arrivals(const Problem& problem, const std::vector<Route>& routes, const Slots& slots,
                                      const reference::Dispatched& expected, int dst) {
  std::set<std::int64_t> rows;
  for (int source = 0; source < problem.num_ranks(); ++source) {
    const Route& route = routes[static_cast<std::size_t>(source)];
    const auto& first_row = slots.first_row[static_cast<std::size_t>(source)];
    for (std::int64_t token = 0; token < route.num_tokens; ++token) {
      for (int k = 0; k < route.top_k; ++k) {
        const core::Selection& selection = route.at(token, k);
        if (selection.rank != dst) continue;
        const int column = problem.layout == Layout::kFlat ? 0 : selection.local_expert;
        const std::int64_t row = first_row[static_cast<std::size_t>(column)] + selection.ordinal;
        check_arrival(problem, expected, {source, token, k, selection.local_expert, row});
        rows.insert(row);
      }
    }
  }
  return rows;
}

/// Padding comes on top of the rows that selections have.
std::int64_t num_padding(const Problem& problem, const reference::Dispatched& expected) {
  std::int64_t count = 0;
  if (problem.layout != Layout::kExpertContiguous) return count;
  for (std::int64_t row = 0; row < expected.num_rows; ++row) count += value_of<int>(expected.row_expert, row) == -1;
  return count;
}

void check_counts(const Problem& problem, const std::vector<Route>& routes, const Slots& slots,
                  const reference::Dispatched& expected, int dst) {
  for (int expert = 0; expert < problem.placement.num_local(dst); ++expert) {
    std::int32_t count = 0;
    for (int source = 0; source < problem.num_ranks(); ++source) {
      const std::int32_t from_source =
          routes[static_cast<std::size_t>(source)]
              .expert_rows[static_cast<std::size_t>(dst)][static_cast<std::size_t>(expert)];
      count += from_source;
      if (problem.layout != Layout::kExpertPadded) continue;
      const std::int64_t pair = expert * problem.num_ranks() + source;
      CROSSDOCK_ASSERT(value_of<std::int32_t>(expected.source_count, pair) == from_source);
    }
    CROSSDOCK_ASSERT(value_of<std::int32_t>(expected.tokens_per_expert, expert) == count);
  }
  if (problem.layout != Layout::kExpertContiguous) return;
  for (std::size_t expert = 0; expert < slots.expert_offsets.size(); ++expert) {
    CROSSDOCK_ASSERT(value_of<std::int64_t>(expected.expert_offsets, static_cast<std::int64_t>(expert)) ==
                     slots.expert_offsets[expert]);
  }
}

void check_traffic(const Route& route, const Traffic& expected) {
  std::int64_t rows = 0;
  for (const auto& tokens : route.tokens_to) rows += std::ssize(tokens);
  CROSSDOCK_ASSERT(expected.logical_bytes == rows * kRowBytes);
  CROSSDOCK_ASSERT(expected.node_bytes == route.node_rows * kRowBytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const Problem problem = read_problem(input);
  const auto expected = run_reference(problem);
  const std::vector<Route> routes = make_routes(problem);
  for (int rank = 0; rank < problem.num_ranks(); ++rank) {
    if (!problem.is_live(rank)) continue;
    const reference::Dispatched& there = expected[static_cast<std::size_t>(rank)];
    const Slots slots = make_slots(problem, routes, rank);
    const std::set<std::int64_t> rows = check_arrivals(problem, routes, slots, there, rank);
    CROSSDOCK_ASSERT(std::ssize(rows) + num_padding(problem, there) == there.num_rows);
    CROSSDOCK_ASSERT(problem.layout == Layout::kExpertPadded || slots.num_rows == there.num_rows);
    check_counts(problem, routes, slots, there, rank);
    check_traffic(routes[static_cast<std::size_t>(rank)], there.traffic);
  }
  return 0;
}
