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

/// Where selections of each expert go: a look-up instead of divisions. The rank is -1 where it is not live.
std::vector<Selection> make_holders(const RouteContext& context) {
  std::vector<Selection> holders;
  holders.reserve(static_cast<std::size_t>(context.placement.num_experts));
  for (int rank = 0; rank < context.placement.num_ranks; ++rank) {
    const std::int32_t num_local = context.placement.num_local(rank);
    for (std::int32_t local = 0; local < num_local; ++local) {
      holders.push_back(context.live[rank] ? Selection{.rank = rank, .local_expert = local} : Selection{});
    }
  }
  return holders;
}

/// Fills the ranks and local experts of one token; ordinals come later.
void place_token(const ConstTensorView& topk_idx, const RouteContext& context, std::span<const Selection> holders,
                 std::int32_t token, Route& route) {
  for (int k = 0; k < route.top_k; ++k) {
    const auto index = static_cast<std::size_t>(token) * route.top_k + k;
    const std::int64_t expert = expert_at(topk_idx, index);
    if (expert == -1) continue;
    if (expert < 0 || expert >= context.placement.num_experts) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("topk_idx[{}, {}] of rank {}: expected -1 or an expert of [0, {}), got {}", token, k,
                              context.rank, context.placement.num_experts, expert));
    }
    route.selections[index] = holders[static_cast<std::size_t>(expert)];
  }
}

/// The earlier selection of the same token and expert, or nullptr.
const Selection* earlier_sharer(std::span<const Selection> row, int k) {
  for (int j = 0; j < k; ++j) {
    if (row[j].rank == row[k].rank && row[j].local_expert == row[k].local_expert) return &row[j];
  }
  return nullptr;
}

void number_rows(std::int32_t token, Layout layout, Route& route) {
  const std::span<Selection> row(route.selections.data() + static_cast<std::size_t>(token) * route.top_k, route.top_k);
  for (int k = 0; k < route.top_k; ++k) {
    if (row[k].rank < 0) continue;
    auto& tokens = route.tokens_to[row[k].rank];
    if (tokens.empty() || tokens.back() != token) tokens.push_back(token);
    auto& expert_rows = route.expert_rows[row[k].rank][row[k].local_expert];
    const Selection* sharer = layout == Layout::kExpertPadded ? earlier_sharer(row, k) : nullptr;
    if (sharer != nullptr) {
      row[k].ordinal = sharer->ordinal;
      continue;
    }
    row[k].ordinal = layout == Layout::kFlat ? static_cast<std::int32_t>(tokens.size()) - 1 : expert_rows;
    ++expert_rows;
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
  const std::vector<Selection> holders = make_holders(context);
  for (std::int32_t token = 0; token < route.num_tokens; ++token) {
    place_token(topk_idx, context, holders, token, route);
    number_rows(token, context.layout, route);
    if (context.topology.num_nodes() > 1) route.node_rows += count_other_nodes(token, context, route);
  }
  return route;
}

}  // namespace crossdock::core
