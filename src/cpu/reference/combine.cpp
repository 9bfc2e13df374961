#include <fmt/format.h>

#include <limits>

#include "base/float_environment.hpp"
#include "core/contract/combine_contract.hpp"
#include "core/contract/reject.hpp"
#include "core/numeric/convert.hpp"
#include "cpu/reference/job.hpp"
#include "cpu/reference/layout_rows.hpp"
#include "cpu/reference/tensor.hpp"
#include "cpu/reference/traffic.hpp"

namespace crossdock::reference {
namespace {

/// Row of each selection at the rank that holds it: [source][token * K + k], -1 where there is none.
using RowIndex = std::vector<std::vector<std::int64_t>>;

/// A combine that has been checked.
struct Call {
  const Job& job;
  std::span<const CombineInput> inputs;
  DType wire = DType::kBf16;
  DType out = DType::kBf16;
  std::int64_t hidden = 0;
  RowIndex rows = {};

  const CombineInput& input(int rank) const { return inputs[static_cast<std::size_t>(rank)]; }
  std::int64_t row_of(int source, std::int64_t token, int k) const {
    return rows[static_cast<std::size_t>(source)][static_cast<std::size_t>(token * job.top_k() + k)];
  }
};

/// fp32 sums of one row, from +0.
class Sum {
 public:
  explicit Sum(std::int64_t hidden) : values_(static_cast<std::size_t>(hidden), 0.0F) {}

  void add(const std::vector<float>& row) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = values_[i] + row[i];
  }
  void add(const std::vector<float>& row, float weight) {
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = values_[i] + weight * row[i];
  }
  const std::vector<float>& values() const { return values_; }

 private:
  std::vector<float> values_;
};

/// A row as it crosses.
std::vector<float> rounded(const std::vector<float>& row, DType wire) {
  std::vector<float> values(row.size());
  std::vector<std::byte> stored(row.size() * size_of(wire));
  core::store_row(stored.data(), wire, row.size(), row.data());
  core::load_row(stored.data(), wire, row.size(), values.data());
  return values;
}

/// Row `row` of a dense tensor of rows, widened.
std::vector<float> load(const ConstTensorView& tensor, std::int64_t row, std::int64_t hidden) {
  std::vector<float> values(static_cast<std::size_t>(hidden));
  const auto row_bytes = hidden * static_cast<std::int64_t>(size_of(tensor.dtype));
  core::load_row(static_cast<const std::byte*>(tensor.data) + row * row_bytes, tensor.dtype, values.size(),
                 values.data());
  return values;
}

/// Those of combine win over those of dispatch; not given = a plain sum.
const ConstTensorView& weights_of(const Call& call, int rank) {
  const ConstTensorView& at_combine = call.input(rank).topk_weights;
  return at_combine.given() ? at_combine : call.job.inputs[static_cast<std::size_t>(rank)].topk_weights;
}

void add_selection(const Call& call, int source, std::int64_t token, int k, const std::vector<float>& row, Sum& sum) {
  const ConstTensorView& weights = weights_of(call, source);
  if (weights.given()) {
    sum.add(row, static_cast<const float*>(weights.data)[token * call.job.top_k() + k]);
  } else {
    sum.add(row);
  }
}

/// A rank's own selections of a token in ascending k. A flat row is that sum already.
std::vector<float> rank_row(const Call& call, int rank, int source, std::int64_t token) {
  Sum sum(call.hidden);
  for (int k = 0; k < call.job.top_k(); ++k) {
    if (call.job.rank_of(source, token, k) != rank) continue;
    const std::vector<float> row = load(call.input(rank).x, call.row_of(source, token, k), call.hidden);
    if (call.job.layout() == Layout::kFlat) {
      sum.add(row);
      break;
    }
    add_selection(call, source, token, k, row, sum);
  }
  return rounded(sum.values(), call.wire);
}

/// Adds the rows of ranks [begin, end), ascending.
void add_ranks(const Call& call, int begin, int end, int source, std::int64_t token, Sum& sum) {
  for (int rank = begin; rank < end; ++rank) {
    if (call.job.goes_to(source, token, rank)) sum.add(rank_row(call, rank, source, token));
  }
}

void add_nodes(const Call& call, int source, std::int64_t token, Sum& sum) {
  const int per_node = call.job.topology.ranks_per_node;
  for (int node = 0; node < call.job.topology.num_nodes(); ++node) {
    Sum node_sum(call.hidden);
    add_ranks(call, node * per_node, (node + 1) * per_node, source, token, node_sum);
    sum.add(rounded(node_sum.values(), call.wire));
  }
}

void add_selections(const Call& call, int source, std::int64_t token, Sum& sum) {
  for (int rank = 0; rank < call.job.num_ranks(); ++rank) {
    for (int k = 0; k < call.job.top_k(); ++k) {
      if (call.job.rank_of(source, token, k) != rank) continue;
      const std::vector<float> row = load(call.input(rank).x, call.row_of(source, token, k), call.hidden);
      add_selection(call, source, token, k, rounded(row, call.wire), sum);
    }
  }
}

std::vector<float> combine_token(const Call& call, int source, std::int64_t token) {
  Sum sum(call.hidden);
  switch (call.job.common().tree) {
    case ReductionTree::kPerRank:
      add_ranks(call, 0, call.job.num_ranks(), source, token, sum);
      break;
    case ReductionTree::kPerSelection:
      add_selections(call, source, token, sum);
      break;
    case ReductionTree::kHierarchical:
      add_nodes(call, source, token, sum);
      break;
  }
  const CombineInput& input = call.input(source);
  if (input.bias0.given()) sum.add(load(input.bias0, token, call.hidden));
  if (input.bias1.given()) sum.add(load(input.bias1, token, call.hidden));
  return sum.values();
}

Tensor make_y(const Call& call, int rank) {
  Tensor y = poisoned(call.out, {call.job.num_tokens(rank), call.hidden});
  const auto row_bytes = static_cast<std::size_t>(call.hidden) * size_of(call.out);
  for (std::int64_t token = 0; token < call.job.num_tokens(rank); ++token) {
    const std::vector<float> values = combine_token(call, rank, token);
    core::store_row(y.bytes.data() + static_cast<std::size_t>(token) * row_bytes, call.out, values.size(),
                    values.data());
  }
  return y;
}

/// Each (token, k) from the one rank that holds it.
Tensor make_weights(const Call& call, int rank) {
  if (!call.input(rank).recv_topk_weights.given()) return {};
  const int top_k = call.job.top_k();
  Tensor weights = poisoned(DType::kFp32, {call.job.num_tokens(rank), top_k});
  for (std::int64_t at = 0; at < call.job.num_tokens(rank) * top_k; ++at) {
    const int k = static_cast<int>(at % top_k);
    const int holder = call.job.rank_of(rank, at / top_k, k);
    float weight = 0.0F;
    if (holder >= 0) {
      const auto* received = static_cast<const float*>(call.input(holder).recv_topk_weights.data);
      weight = received[call.row_of(rank, at / top_k, k) * top_k + k];
    }
    put(weights, at, weight);
  }
  return weights;
}

/// True where `row` at rank `dst` carries selection k of its token.
bool carries(const Job& job, const Row& row, int dst, int k) {
  if (job.layout() == Layout::kFlat) return job.rank_of(row.source, row.token, k) == dst;
  if (job.layout() == Layout::kExpertContiguous) return row.k == k;
  return job.expert_of(row.source, row.token, k) == job.placement.first(dst) + row.local_expert;
}

RowIndex index_rows(const Job& job, const std::vector<LayoutRows>& layouts) {
  RowIndex index;
  for (int source = 0; source < job.num_ranks(); ++source) {
    index.emplace_back(static_cast<std::size_t>(job.num_tokens(source) * job.top_k()), -1);
  }
  for (const int dst : job.live) {
    const std::vector<Row>& rows = layouts[static_cast<std::size_t>(dst)].rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (int k = 0; rows[i].source >= 0 && k < job.top_k(); ++k) {
        if (!carries(job, rows[i], dst, k)) continue;
        index[static_cast<std::size_t>(rows[i].source)][static_cast<std::size_t>(rows[i].token * job.top_k() + k)] =
            static_cast<std::int64_t>(i);
      }
    }
  }
  return index;
}

core::CombineFacts facts_of(const Job& job, const std::vector<LayoutRows>& layouts, int rank) {
  return {.rank = rank,
          .layout = job.layout(),
          .num_tokens = job.num_tokens(rank),
          .top_k = job.top_k(),
          .num_rows = static_cast<std::int64_t>(layouts[static_cast<std::size_t>(rank)].rows.size()),
          .num_local_experts = job.placement.num_local(rank),
          .rows_per_expert = std::int64_t{job.num_ranks()} * job.latency_max_tokens,
          .max_hidden = std::numeric_limits<int>::max(),
          .max_element_bytes = size_of(DType::kFp32)};
}

/// What ranks have to agree on, for comparison and for the message.
std::string agreed(const CombineInput& input) {
  return fmt::format("x {} with hidden {}, topk_weights {}, recv_topk_weights {}", name_of(input.x.dtype),
                     input.x.shape[static_cast<std::size_t>(input.x.num_dims - 1)],
                     input.topk_weights.given() ? "given" : "none", input.recv_topk_weights.given() ? "given" : "none");
}

void check_combines(const Job& job, const std::vector<LayoutRows>& layouts, std::span<const CombineInput> inputs,
                    const CombineOptions& options) {
  if (inputs.size() != layouts.size()) {
    core::reject({.operation = "reference"}, "combines", fmt::format("inputs of {} ranks", layouts.size()),
                 fmt::format("{}", inputs.size()));
  }
  const int first = job.live.front();
  for (const int rank : job.live) {
    core::check_combine(inputs[static_cast<std::size_t>(rank)], options, facts_of(job, layouts, rank));
    const std::string expected = agreed(inputs[static_cast<std::size_t>(first)]);
    const std::string got = agreed(inputs[static_cast<std::size_t>(rank)]);
    if (got == expected) continue;
    core::reject({.operation = "combine", .rank = rank}, "input", fmt::format("that of rank {} ({})", first, expected),
                 got, ErrorCode::kOptionsMismatch);
  }
}

}  // namespace

std::vector<Combined> combine(const Problem& problem, std::span<const DispatchInput> inputs,
                              std::span<const DispatchOptions> options, std::span<const CombineInput> combines,
                              const CombineOptions& combine_options) {
  const base::FloatEnvironment environment;
  const Job job = checked_job(problem, inputs, options);
  const std::vector<LayoutRows> layouts = all_rows(job);
  check_combines(job, layouts, combines, combine_options);
  const CombineInput& any = combines[static_cast<std::size_t>(job.live.front())];
  const Call call{.job = job,
                  .inputs = combines,
                  .wire = core::wire_dtype(any, combine_options),
                  .out = core::out_dtype(any, combine_options),
                  .hidden = any.x.shape[static_cast<std::size_t>(any.x.num_dims - 1)],
                  .rows = index_rows(job, layouts)};
  const std::int64_t row_bytes = call.hidden * static_cast<std::int64_t>(size_of(call.wire));
  const bool per_selection = job.common().tree == ReductionTree::kPerSelection;

  std::vector<Combined> outputs(layouts.size());
  for (const int rank : job.live) {
    outputs[static_cast<std::size_t>(rank)] = {.y = make_y(call, rank),
                                               .topk_weights = make_weights(call, rank),
                                               .traffic = traffic_of(job, rank, row_bytes, per_selection)};
  }
  return outputs;
}

}  // namespace crossdock::reference
