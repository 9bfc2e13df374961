#include "core/routing/route.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "crossdock/config.hpp"
#include "crossdock/error.hpp"

namespace crossdock::core {
namespace {

std::int64_t expert_at(const ConstTensorView& topk_idx, std::size_t index) {
  return topk_idx.dtype == DType::kInt64 ? static_cast<const std::int64_t*>(topk_idx.data)[index]
                                         : static_cast<const std::int32_t*>(topk_idx.data)[index];
}

/// Fills the ranks and local experts of one token; ordinals come later.
void place_token(const ConstTensorView& topk_idx, const RouteContext& context, std::int32_t token, Route& route) {
  for (int k = 0; k < route.top_k; ++k) {
    const auto index = static_cast<std::size_t>(token) * route.top_k + k;
    const std::int64_t expert = expert_at(topk_idx, index);
    if (expert == -1) continue;
    if (expert < 0 || expert >= context.placement.num_experts) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("topk_idx[{}, {}] of rank {}: expected -1 or an expert of [0, {}), got {}", token, k,
                              context.rank, context.placement.num_experts, expert));
    }
    const int rank = context.placement.rank_of(static_cast<int>(expert));
    if (!context.live[rank]) continue;
    route.selections[index] = {.rank = rank,
                               .local_expert = static_cast<std::int32_t>(expert) - context.placement.first(rank)};
  }
}

/// The earlier selection of the same token that shares the row, or nullptr.
const Selection* earlier_sharer(std::span<const Selection> row, int k, Layout layout) {
  for (int j = 0; j < k; ++j) {
    const bool same_rank = row[j].rank == row[k].rank;
    const bool same_expert = same_rank && row[j].local_expert == row[k].local_expert;
    if (layout == Layout::kFlat ? same_rank : (layout == Layout::kExpertPadded && same_expert)) return &row[j];
  }
  return nullptr;
}

void number_rows(std::int32_t token, Layout layout, Route& route) {
  const std::span<Selection> row(route.selections.data() + static_cast<std::size_t>(token) * route.top_k, route.top_k);
  for (int k = 0; k < route.top_k; ++k) {
    if (row[k].rank < 0) continue;
    auto& tokens = route.tokens_to[row[k].rank];
    if (tokens.empty() || tokens.back() != token) tokens.push_back(token);
    if (const Selection* sharer = earlier_sharer(row, k, layout)) {
      row[k].ordinal = sharer->ordinal;
    } else {
      row[k].ordinal = layout == Layout::kFlat ? static_cast<std::int32_t>(tokens.size()) - 1
                                               : route.expert_rows[row[k].rank][row[k].local_expert];
    }
    const bool shares_row = layout == Layout::kExpertPadded && earlier_sharer(row, k, layout) != nullptr;
    if (!shares_row) ++route.expert_rows[row[k].rank][row[k].local_expert];
  }
}

int count_other_nodes(std::int32_t token, const RouteContext& context, const Route& route) {
  std::vector<int> nodes;
  for (int k = 0; k < route.top_k; ++k) {
    const int rank = route.at(token, k).rank;
    if (rank < 0) continue;
    const int node = context.topology.node_of(rank);
    if (node != context.topology.node_of(context.rank) && std::ranges::find(nodes, node) == nodes.end()) {
      nodes.push_back(node);
    }
  }
  return static_cast<int>(nodes.size());
}

}  // namespace

Route make_route(const ConstTensorView& topk_idx, const RouteContext& context) {
  Route route{.num_tokens = static_cast<std::int32_t>(topk_idx.shape[0]),
              .top_k = static_cast<std::int32_t>(topk_idx.shape[1])};
  route.selections.resize(static_cast<std::size_t>(route.num_tokens) * route.top_k);
  route.tokens_to.resize(context.placement.num_ranks);
  for (int rank = 0; rank < context.placement.num_ranks; ++rank) {
    route.expert_rows.emplace_back(context.placement.num_local(rank), 0);
  }
  for (std::int32_t token = 0; token < route.num_tokens; ++token) {
    place_token(topk_idx, context, token, route);
    number_rows(token, context.layout, route);
    if (context.topology.num_nodes() > 1) route.node_rows += count_other_nodes(token, context, route);
  }
  return route;
}

}  // namespace crossdock::core
