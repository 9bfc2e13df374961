#include "crossdock/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ranges>
#include <string_view>

#include "core/contract/reject.hpp"
#include "core/routing/route.hpp"
#include "core/topology/topology.hpp"
#include "crossdock/config.hpp"

namespace crossdock {
namespace {

constexpr core::Caller kCaller{.operation = "rows"};

void expect_below(std::string_view what, std::int64_t value, std::int64_t end) {
  if (value < 0 || value >= end) core::reject(kCaller, what, fmt::format("[0, {})", end), fmt::format("{}", value));
}

/// The tables of a result of an expert layout.
class Tables {
 public:
  explicit Tables(const DispatchResult& result) : result_(result), padded_(result.source_begin.given()) {
    if (result.device_num_rows.given()) core::reject(kCaller, "result", "tensors in host memory", "one of a GPU");
    if (!padded_ && !result.expert_offsets.given()) {
      core::reject(kCaller, "result", "that of expert_contiguous or expert_padded", "another");
    }
  }

  bool padded() const { return padded_; }
  std::int64_t num_experts() const { return result_.tokens_per_expert.shape[0]; }
  std::int64_t num_ranks() const { return result_.source_begin.shape[1]; }
  std::int64_t rows_an_expert() const { return result_.source_token.shape[1]; }
  std::int64_t num_rows() const { return padded_ ? num_experts() * rows_an_expert() : offset(num_experts()); }

  std::int64_t offset(std::int64_t expert) const {
    return at<std::int64_t>("expert_offsets", result_.expert_offsets, DType::kInt64, expert);
  }
  std::int64_t tokens_of(std::int64_t expert) const {
    return at<std::int32_t>("tokens_per_expert", result_.tokens_per_expert, DType::kInt32, expert);
  }
  std::int64_t begin_of(std::int64_t expert, int source) const {
    return at<std::int32_t>("source_begin", result_.source_begin, DType::kInt32, expert * num_ranks() + source);
  }
  std::int64_t count_of(std::int64_t expert, int source) const {
    return at<std::int32_t>("source_count", result_.source_count, DType::kInt32, expert * num_ranks() + source);
  }
  std::int64_t token_of(std::int64_t row) const {
    return at<std::int32_t>("source_token", result_.source_token, DType::kInt32, row);
  }
  /// kExpertContiguous; `field` of (rank, token, k).
  std::int32_t source(std::int64_t row, int field) const {
    return at<std::int32_t>("source", result_.source, DType::kInt32, 3 * row + field);
  }

  RowRange of_expert(int expert) const {
    expect_below("expert", expert, num_experts());
    const std::int64_t begin = padded_ ? expert * rows_an_expert() : offset(expert);
    const RowRange rows{.begin = begin, .count = tokens_of(expert)};
    return padded_ ? inside(rows, begin, begin + rows_an_expert()) : inside(rows, 0, num_rows());
  }

  /// kExpertPadded.
  RowRange from(int expert, int source) const {
    expect_below("source", source, num_ranks());
    const RowRange all = of_expert(expert);
    return inside({.begin = all.begin + begin_of(expert, source), .count = count_of(expert, source)}, all.begin,
                  all.end());
  }

 private:
  /// Of a result that somebody has copied in part or changed, no row outside it is looked at.
  static RowRange inside(const RowRange& rows, std::int64_t begin, std::int64_t end) {
    if (rows.begin < begin || rows.count < 0 || rows.count > end - rows.begin) {
      core::reject(kCaller, "result", fmt::format("rows of [{}, {})", begin, end),
                   fmt::format("{} rows from {}", rows.count, rows.begin));
    }
    return rows;
  }

  template <typename Int>
  static Int at(std::string_view what, const ConstTensorView& tensor, DType dtype, std::int64_t index) {
    if (tensor.dtype != dtype || tensor.data == nullptr || index < 0 || index >= tensor.num_elements()) {
      core::reject(kCaller, what, fmt::format("{} with an element {}", name_of(dtype), index), describe(tensor));
    }
    return static_cast<const Int*>(tensor.data)[index];
  }

  const DispatchResult& result_;
  bool padded_;
};

/// kExpertContiguous: an expert's rows are in the order of their source ranks. The first whose rank is at least that.
std::int64_t first_not_below(const Tables& tables, const RowRange& rows, std::int64_t rank) {
  const auto all = std::views::iota(rows.begin, rows.end());
  const auto below = [&](std::int64_t row) { return tables.source(row, 0) < rank; };
  return rows.begin + static_cast<std::int64_t>(std::ranges::partition_point(all, below) - all.begin());
}

void fill_contiguous(const Tables& tables, int expert, std::vector<RowSource>& sources) {
  const RowRange rows = tables.of_expert(expert);
  for (std::int64_t row = rows.begin; row < rows.end(); ++row) {
    sources[static_cast<std::size_t>(row)] = {
        .expert = expert, .rank = tables.source(row, 0), .token = tables.source(row, 1), .k = tables.source(row, 2)};
  }
}

void fill_padded(const Tables& tables, int expert, std::vector<RowSource>& sources) {
  for (int rank = 0; rank < tables.num_ranks(); ++rank) {
    const RowRange rows = tables.from(expert, rank);
    for (std::int64_t row = rows.begin; row < rows.end(); ++row) {
      sources[static_cast<std::size_t>(row)] = {.expert = expert, .rank = rank, .token = tables.token_of(row)};
    }
  }
}

void check_routing(const ConstTensorView& topk_idx, int source) {
  const core::Caller caller{.operation = "rows", .rank = source};
  core::check_shape(caller, "topk_idx", topk_idx);
  const bool fits = topk_idx.num_dims == 2 && is_dense(topk_idx) &&
                    (topk_idx.dtype == DType::kInt32 || topk_idx.dtype == DType::kInt64) &&
                    topk_idx.shape[0] <= std::numeric_limits<std::int32_t>::max() && topk_idx.shape[1] <= kMaxTopK;
  if (!fits) {
    core::reject(caller, "topk_idx", fmt::format("dense int32 or int64 [T, K], K at most {}", kMaxTopK),
                 describe(topk_idx));
  }
  core::check_memory(caller, "topk_idx", topk_idx);
}

}  // namespace

RowRange rows_of_expert(const DispatchResult& result, int expert) { return Tables(result).of_expert(expert); }

RowRange rows_from(const DispatchResult& result, int expert, int source) {
  const Tables tables(result);
  if (tables.padded()) return tables.from(expert, source);
  if (source < 0) core::reject(kCaller, "source", "a rank", fmt::format("{}", source));
  const RowRange all = tables.of_expert(expert);
  const std::int64_t begin = first_not_below(tables, all, source);
  return {.begin = begin, .count = first_not_below(tables, all, std::int64_t{source} + 1) - begin};
}

std::vector<RowSource> row_sources(const DispatchResult& result) {
  const Tables tables(result);
  std::vector<RowSource> sources(static_cast<std::size_t>(tables.num_rows()));
  for (int expert = 0; expert < tables.num_experts(); ++expert) {
    if (tables.padded()) {
      fill_padded(tables, expert, sources);
    } else {
      fill_contiguous(tables, expert, sources);
    }
  }
  return sources;
}

std::vector<RowSource> flat_row_sources(std::span<const ConstTensorView> topk_idx, const ExpertPlacement& placement,
                                        int receiver) {
  placement.num_local(receiver);  // throws where the numbers are no placement
  if (topk_idx.size() != static_cast<std::size_t>(placement.num_ranks)) {
    core::reject(kCaller, "topk_idx", fmt::format("those of {} ranks", placement.num_ranks),
                 fmt::format("{}", topk_idx.size()));
  }
  const std::vector<std::uint8_t> live(topk_idx.size(), 1);
  core::RouteContext context{.placement = {.num_experts = placement.num_experts, .num_ranks = placement.num_ranks},
                             .topology = core::make_topology(placement.num_ranks, 0),
                             .live = live};
  std::vector<RowSource> sources;
  for (context.rank = 0; context.rank < placement.num_ranks; ++context.rank) {
    const ConstTensorView& asked = topk_idx[static_cast<std::size_t>(context.rank)];
    if (!asked.given()) continue;
    check_routing(asked, context.rank);
    const core::Route route = core::make_route(asked, context);
    for (const std::int32_t token : route.tokens_to[static_cast<std::size_t>(receiver)]) {
      sources.push_back({.rank = context.rank, .token = token});
    }
  }
  return sources;
}

}  // namespace crossdock
