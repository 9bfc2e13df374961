#include "cpu/fast/reduce.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "cpu/fast/plain_sum.hpp"
#include "cpu/fast/row_kernels.hpp"

namespace crossdock::cpu {
namespace {

/// The terms of a token in ascending (rank, k); kFlat has one a rank.
void list_terms(const ReduceJob& job, std::int64_t token, std::vector<Term>& terms) {
  terms.clear();
  const bool flat = job.layout == Layout::kFlat;
  const std::size_t row_bytes = static_cast<std::size_t>(job.hidden) * size_of(job.row_dtype);
  for (int k = 0; k < job.route->top_k; ++k) {
    const core::Selection& selection = job.route->at(token, k);
    if (selection.rank < 0) continue;
    // Few terms: inserting into place beats sorting. Equal ranks keep the order of k.
    auto place = terms.end();
    while (place != terms.begin() && std::prev(place)->rank > selection.rank) --place;
    if (flat && place != terms.begin() && std::prev(place)->rank == selection.rank) continue;
    const PeerRows& peer = job.peers[selection.rank];
    const std::int64_t row = peer.first_row[flat ? 0 : selection.local_expert] + selection.ordinal;
    terms.insert(place, {.rank = selection.rank,
                         .row = peer.rows + row_bytes * static_cast<std::size_t>(row),
                         .weight = job.weights != nullptr ? job.weights[token * job.route->top_k + k] : 1.0F});
  }
}

bool is_simd_type(DType dtype) { return dtype == DType::kBf16 || dtype == DType::kFp32; }

bool simd_serves(const ReduceJob& job) {
  const auto bias_served = [](const ConstTensorView& bias) { return !bias.given() || is_simd_type(bias.dtype); };
  return is_simd_type(job.row_dtype) && is_simd_type(job.wire_dtype) && is_simd_type(job.y.dtype) &&
         bias_served(job.bias0) && bias_served(job.bias1) && static_cast<std::size_t>(job.hidden) >= float_lanes();
}

/// Sums tokens by the SIMD kernels.
class SimdSum {
 public:
  explicit SimdSum(const ReduceJob& job) : job_(job) {
    sum_.weighted = job.weights != nullptr;
    sum_.per_selection = job.tree == ReductionTree::kPerSelection;
    sum_.hierarchical = job.tree == ReductionTree::kHierarchical;
    sum_.row_dtype = job.row_dtype;
    sum_.wire_dtype = job.wire_dtype;
    sum_.out_dtype = job.y.dtype;
    sum_.bias0_dtype = job.bias0.dtype;
    sum_.bias1_dtype = job.bias1.dtype;
    sum_.hidden = static_cast<std::size_t>(job.hidden);
    sum_.stream = job.y.num_bytes() >= kStreamFromBytes;
  }

  void store(std::int64_t token, std::span<const Term> terms) {
    terms_.clear();
    for (std::size_t i = 0; i < terms.size(); ++i) {
      const bool last = i + 1 == terms.size();
      const int node = job_.topology.node_of(terms[i].rank);
      terms_.push_back({.row = terms[i].row,
                        .weight = terms[i].weight,
                        .ends_rank = last || terms[i + 1].rank != terms[i].rank,
                        .ends_node = last || job_.topology.node_of(terms[i + 1].rank) != node});
    }
    sum_.terms = terms_;
    sum_.bias0 = row_of(job_.bias0, token);
    sum_.bias1 = row_of(job_.bias1, token);
    sum_.out = const_cast<std::byte*>(row_of(job_.y, token));
    sum_rows_simd(sum_);
  }

 private:
  const std::byte* row_of(const ConstTensorView& rows, std::int64_t token) const {
    if (!rows.given()) return nullptr;
    return static_cast<const std::byte*>(rows.data) +
           static_cast<std::size_t>(token) * sum_.hidden * size_of(rows.dtype);
  }

  const ReduceJob& job_;
  SumJob sum_;
  std::vector<SumTerm> terms_;
};

template <typename Sum>
void sum_tokens(const ReduceJob& job, std::int64_t begin, std::int64_t end) {
  Sum sum(job);
  std::vector<Term> terms;
  for (std::int64_t token = begin; token < end; ++token) {
    list_terms(job, token, terms);
    sum.store(token, terms);
  }
  order_streamed_stores();
}

}  // namespace

void reduce_rows(const ReduceJob& job, Workers& workers) {
  const bool simd = simd_serves(job);
  workers.run(job.route->num_tokens, [&](std::int64_t begin, std::int64_t end) {
    simd ? sum_tokens<SimdSum>(job, begin, end) : sum_tokens<PlainSum>(job, begin, end);
  });
}

}  // namespace crossdock::cpu
