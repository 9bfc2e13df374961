#include "cpu/fast/reduce.hpp"

#include "cpu/fast/plain_sum.hpp"
#include "cpu/fast/row_kernels.hpp"
#include "cpu/fast/terms.hpp"
#include "cpu/fast/token_runs.hpp"

namespace crossdock::cpu {
namespace {

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

  void store(std::int64_t token, std::span<const SumTerm> terms) {
    sum_.terms = terms;
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
};

template <typename Sum>
void sum_tokens(const ReduceJob& job, std::int64_t begin, std::int64_t end) {
  Sum sum(job);
  TermList terms(job, begin);
  for_each_run(begin, end, [&](std::int64_t first, std::int64_t last) {
    terms.list(first, last);
    for (std::int64_t token = first; token < last; ++token) sum.store(token, terms.of(token));
  });
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
