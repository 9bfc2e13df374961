#include <cstring>

#include "base/float_environment.hpp"
#include "core/contract/dispatch_contract.hpp"
#include "cpu/reference/job.hpp"
#include "cpu/reference/layout_rows.hpp"
#include "cpu/reference/sent_rows.hpp"
#include "cpu/reference/tensor.hpp"
#include "cpu/reference/traffic.hpp"

namespace crossdock::reference {
namespace {

/// What one receiver's outputs are made from.
struct Receiver {
  const Job& job;
  const LayoutRows& layout;
  const std::vector<SentRows>& sent;  ///< by source
  int rank = 0;

  Layout kind() const { return job.layout(); }
  std::int64_t num_local() const { return job.placement.num_local(rank); }
  std::int64_t rows_per_expert() const { return std::int64_t{job.num_ranks()} * job.latency_max_tokens; }
  std::int64_t num_slots() const { return static_cast<std::int64_t>(layout.rows.size()); }
  const Row& row(std::int64_t index) const { return layout.rows[static_cast<std::size_t>(index)]; }
  /// A row of kExpertContiguous that only aligns the next expert.
  bool is_padding(const Row& row) const { return row.source < 0 && kind() == Layout::kExpertContiguous; }

  /// Shape of the outputs' rows, with `inner` behind them where it is not 0.
  std::vector<std::int64_t> shape(std::int64_t inner) const {
    const std::int64_t rows = core::row_capacity(job.options[static_cast<std::size_t>(rank)]).value_or(num_slots());
    std::vector<std::int64_t> shape{rows};
    if (kind() == Layout::kExpertPadded) shape = {num_local(), rows_per_expert()};
    if (inner > 0) shape.push_back(inner);
    return shape;
  }
};

Tensor make_x(const Receiver& receiver) {
  const SentRows& any = receiver.sent[static_cast<std::size_t>(receiver.rank)];
  Tensor x = poisoned(any.dtype, receiver.shape(any.hidden));
  for (std::int64_t i = 0; i < receiver.num_slots(); ++i) {
    const Row& row = receiver.row(i);
    std::byte* to = x.bytes.data() + static_cast<std::size_t>(i) * any.x_bytes();
    if (row.source >= 0) {
      std::memcpy(to, receiver.sent[static_cast<std::size_t>(row.source)].x_of(row.token), any.x_bytes());
    } else if (receiver.is_padding(row)) {
      std::memset(to, 0, any.x_bytes());
    }
  }
  return x;
}

/// Stored index of scale word `word` of row `i`.
std::int64_t scale_index(const Receiver& receiver, const Tensor& scales, std::int64_t i, std::int64_t word) {
  if (receiver.kind() != Layout::kExpertPadded) return i * scales.strides[0] + word * scales.strides[1];
  const std::int64_t rows = receiver.rows_per_expert();
  return i / rows * scales.strides[0] + i % rows * scales.strides[1] + word * scales.strides[2];
}

Tensor make_scales(const Receiver& receiver) {
  const SentRows& any = receiver.sent[static_cast<std::size_t>(receiver.rank)];
  if (any.num_scales == 0) return {};
  Tensor scales = poisoned_scales(any.scale_dtype, receiver.shape(any.num_scales), receiver.job.common().scale_order);
  for (std::int64_t i = 0; i < receiver.num_slots(); ++i) {
    const Row& row = receiver.row(i);
    if (row.source < 0 && !receiver.is_padding(row)) continue;
    for (std::int64_t word = 0; word < any.num_scales; ++word) {
      const std::uint32_t value =
          row.source < 0 ? 0U : receiver.sent[static_cast<std::size_t>(row.source)].scale_of(row.token, word);
      put(scales, scale_index(receiver, scales, i, word), value);
    }
  }
  return scales;
}

float weight_of(const Job& job, int source, std::int64_t token, int k) {
  const ConstTensorView& weights = job.inputs[static_cast<std::size_t>(source)].topk_weights;
  return static_cast<const float*>(weights.data)[token * job.top_k() + k];
}

bool weights_given(const Receiver& receiver) {
  return receiver.job.inputs[static_cast<std::size_t>(receiver.rank)].topk_weights.given();
}

Tensor make_expert_weights(const Receiver& receiver) {
  if (!weights_given(receiver)) return {};
  Tensor weights = poisoned(DType::kFp32, receiver.shape(0));
  for (std::int64_t i = 0; i < receiver.num_slots(); ++i) {
    const Row& row = receiver.row(i);
    if (row.source >= 0) put(weights, i, weight_of(receiver.job, row.source, row.token, row.k));
    if (receiver.is_padding(row)) put(weights, i, 0.0F);
  }
  return weights;
}

/// Local expert on the receiver of a selection of a flat row, or -1.
int local_expert(const Receiver& receiver, const Row& row, int k) {
  const int expert = receiver.job.expert_of(row.source, row.token, k);
  if (expert < 0 || receiver.job.placement.rank_of(expert) != receiver.rank) return -1;
  return expert - receiver.job.placement.first(receiver.rank);
}

Tensor make_flat_weights(const Receiver& receiver) {
  if (!weights_given(receiver)) return {};
  const int top_k = receiver.job.top_k();
  Tensor weights = poisoned(DType::kFp32, receiver.shape(top_k));
  for (std::int64_t i = 0; i < receiver.num_slots(); ++i) {
    const Row& row = receiver.row(i);
    for (int k = 0; k < top_k; ++k) {
      const bool mine = local_expert(receiver, row, k) >= 0;
      put(weights, i * top_k + k, mine ? weight_of(receiver.job, row.source, row.token, k) : 0.0F);
    }
  }
  return weights;
}

/// Past the last row it is -1 too.
Tensor make_flat_idx(const Receiver& receiver) {
  const int top_k = receiver.job.top_k();
  const DType dtype = receiver.job.inputs[static_cast<std::size_t>(receiver.rank)].topk_idx.dtype;
  Tensor idx = poisoned(dtype, receiver.shape(top_k));
  for (std::int64_t at = 0; at < idx.shape[0] * top_k; ++at) {
    const bool arrived = at / top_k < receiver.num_slots();
    const int expert = arrived ? local_expert(receiver, receiver.row(at / top_k), static_cast<int>(at % top_k)) : -1;
    if (dtype == DType::kInt64) {
      put(idx, at, std::int64_t{expert});
    } else {
      put(idx, at, std::int32_t{expert});
    }
  }
  return idx;
}

/// Selections, or rows in kExpertPadded.
Tensor count_experts(const Receiver& receiver) {
  std::vector<std::int32_t> counts(static_cast<std::size_t>(receiver.num_local()), 0);
  for (const Row& row : receiver.layout.rows) {
    if (row.local_expert >= 0) ++counts[static_cast<std::size_t>(row.local_expert)];
    if (receiver.kind() != Layout::kFlat) continue;
    for (int k = 0; k < receiver.job.top_k(); ++k) {
      const int expert = local_expert(receiver, row, k);
      if (expert >= 0) ++counts[static_cast<std::size_t>(expert)];
    }
  }
  Tensor tensor = poisoned(DType::kInt32, {receiver.num_local()});
  for (std::int64_t expert = 0; expert < receiver.num_local(); ++expert) {
    put(tensor, expert, counts[static_cast<std::size_t>(expert)]);
  }
  return tensor;
}

void fill_contiguous(const Receiver& receiver, Dispatched& out) {
  out.expert_offsets = poisoned(DType::kInt64, {receiver.num_local() + 1});
  for (std::int64_t expert = 0; expert <= receiver.num_local(); ++expert) {
    put(out.expert_offsets, expert, receiver.layout.expert_offsets[static_cast<std::size_t>(expert)]);
  }
  out.row_expert = poisoned(DType::kInt32, receiver.shape(0));
  out.source = poisoned(DType::kInt32, receiver.shape(3));
  for (std::int64_t i = 0; i < out.row_expert.shape[0]; ++i) {
    put(out.row_expert, i, std::int32_t{i < receiver.num_slots() ? receiver.row(i).local_expert : -1});
  }
  for (std::int64_t i = 0; i < receiver.num_slots(); ++i) {
    const Row& row = receiver.row(i);
    put(out.source, 3 * i, std::int32_t{row.source});
    put(out.source, 3 * i + 1, static_cast<std::int32_t>(row.token));
    put(out.source, 3 * i + 2, std::int32_t{row.k});
  }
}

void fill_padded(const Receiver& receiver, Dispatched& out) {
  const std::int64_t num_ranks = receiver.job.num_ranks();
  out.source_count = poisoned(DType::kInt32, {receiver.num_local(), num_ranks});
  out.source_begin = poisoned(DType::kInt32, {receiver.num_local(), num_ranks});
  out.source_token = poisoned(DType::kInt32, receiver.shape(0));
  for (std::int64_t expert = 0; expert < receiver.num_local(); ++expert) {
    const std::int64_t first = expert * receiver.rows_per_expert();
    std::int32_t begin = 0;
    for (int source = 0; source < num_ranks; ++source) {
      std::int32_t count = 0;
      for (std::int64_t i = first; i < first + receiver.rows_per_expert(); ++i)
        count += receiver.row(i).source == source;
      put(out.source_count, expert * num_ranks + source, count);
      put(out.source_begin, expert * num_ranks + source, begin);
      begin += count;
    }
  }
  for (std::int64_t i = 0; i < receiver.num_slots(); ++i) {
    if (receiver.row(i).source >= 0) put(out.source_token, i, static_cast<std::int32_t>(receiver.row(i).token));
  }
}

/// Rows that arrived, alignment included; the unused rows of kExpertPadded did not.
std::int64_t count_rows(const Receiver& receiver) {
  std::int64_t count = 0;
  for (const Row& row : receiver.layout.rows) count += row.source >= 0 || receiver.is_padding(row);
  return count;
}

Dispatched receive(const Receiver& receiver) {
  Dispatched out;
  out.num_rows = count_rows(receiver);
  out.x = make_x(receiver);
  out.scales = make_scales(receiver);
  out.tokens_per_expert = count_experts(receiver);
  if (receiver.kind() == Layout::kFlat) {
    out.topk_weights = make_flat_weights(receiver);
    out.topk_idx = make_flat_idx(receiver);
    return out;
  }
  out.topk_weights = make_expert_weights(receiver);
  if (receiver.kind() == Layout::kExpertContiguous) fill_contiguous(receiver, out);
  if (receiver.kind() == Layout::kExpertPadded) fill_padded(receiver, out);
  return out;
}

}  // namespace

std::vector<Dispatched> dispatch(const Problem& problem, std::span<const DispatchInput> inputs,
                                 std::span<const DispatchOptions> options) {
  const base::FloatEnvironment environment;
  const Job job = checked_job(problem, inputs, options);
  const std::vector<LayoutRows> layouts = all_rows(job);
  std::vector<SentRows> sent(layouts.size());
  for (const int rank : job.live) sent[static_cast<std::size_t>(rank)] = sent_rows(job, rank);

  std::vector<Dispatched> outputs(layouts.size());
  for (const int rank : job.live) {
    const auto index = static_cast<std::size_t>(rank);
    outputs[index] = receive({.job = job, .layout = layouts[index], .sent = sent, .rank = rank});
    outputs[index].traffic = traffic_of(job, rank, sent[index].row_bytes(), false);
  }
  return outputs;
}

}  // namespace crossdock::reference
