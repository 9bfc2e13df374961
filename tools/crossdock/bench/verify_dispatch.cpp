#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "bench/slices.hpp"
#include "bench/verify.hpp"

namespace crossdock::tools::bench {
namespace {

/// A tensor with one entry a row, dense, on both sides.
struct RowTensor {
  const char* name;
  ConstTensorView got;
  ConstTensorView expected;
  std::int64_t rows;  ///< of `expected`, all dimensions of rows together

  std::size_t row_bytes() const { return rows == 0 ? 0 : expected.num_bytes() / static_cast<std::size_t>(rows); }
};

/// Rows of the reference's slice and of the result that are the same ones.
struct Match {
  int source = 0;
  std::int64_t from = 0;  ///< in the slice
  std::int64_t to = 0;    ///< in the result
  std::int64_t count = 0;
};

const std::byte* bytes_at(const ConstTensorView& view, std::size_t offset) {
  return static_cast<const std::byte*>(view.data) + offset;
}

class DispatchVerifier {
 public:
  DispatchVerifier(const Scenario& scenario, int set, int rank, const DispatchResult& result)
      : scenario_(scenario),
        set_(set),
        rank_(rank),
        result_(result),
        all_(scenario, routing(), rank, 0, scenario.tokens),
        next_(static_cast<std::size_t>(all_.num_experts()) * static_cast<std::size_t>(scenario.num_ranks)),
        tokens_per_expert_(static_cast<std::size_t>(scenario.placement().num_local(rank))) {
    for (int expert = 0; expert < all_.num_experts(); ++expert) place_expert(expert);
  }

  Tally run(const Progress& progress) {
    const std::int64_t step = slice_tokens_towards(scenario_);
    if (!same_shapes()) return tally_;
    for (std::int64_t begin = 0; begin < scenario_.tokens; begin += step) {
      verify_slice(begin, std::min(begin + step, scenario_.tokens));
      progress(static_cast<double>(begin) / static_cast<double>(scenario_.tokens));
    }
    verify_totals();
    return tally_;
  }

 private:
  const Routing& routing() const { return scenario_.sets[static_cast<std::size_t>(set_)]; }
  bool padded() const { return scenario_.layout == Layout::kExpertPadded; }
  std::size_t cell(int expert, int source) const {
    return static_cast<std::size_t>(expert) * static_cast<std::size_t>(scenario_.num_ranks) +
           static_cast<std::size_t>(source);
  }

  /// First rows of an expert by source: packed from 0, or from the expert's own place.
  void place_expert(int expert) {
    std::int64_t row = padded() ? scenario_.tokens * scenario_.num_ranks * expert : placed_;
    for (int source = 0; source < scenario_.num_ranks; ++source) {
      next_[cell(expert, source)] = row;
      row += all_.at(expert, source);
    }
    placed_ += all_.of_expert(expert);
  }

  /// Before rows are read: a result of another size cannot be walked.
  bool same_shapes() {
    const std::int64_t rows = padded() ? result_.x.shape[0] * result_.x.shape[1] : result_.x.shape[0];
    const std::int64_t expected =
        padded() ? scenario_.tokens * scenario_.num_ranks * scenario_.placement().num_local(rank_) : all_.total();
    tally_.compare_number("num_rows", result_.num_rows, all_.total());
    tally_.compare_number("rows of x", rows, expected);
    return tally_.differences() == 0;
  }

  void verify_slice(std::int64_t begin, std::int64_t end) {
    const Slice slice = Slice::towards(scenario_, set_, rank_, begin, end);
    const auto all = reference::dispatch(slice.problem(), slice.inputs(), slice.options());
    const reference::Dispatched& expected = all[static_cast<std::size_t>(rank_)];
    const RowCounts counts(scenario_, routing(), rank_, begin, end);
    tally_.compare_number("rows of the slice", expected.num_rows, counts.total());
    std::int64_t row = 0;
    for (int expert = 0; expert < counts.num_experts(); ++expert) {
      if (padded()) row = (end - begin) * scenario_.num_ranks * expert;
      for (int source = 0; source < scenario_.num_ranks; ++source) {
        const Match match{source, row, next_[cell(expert, source)], counts.at(expert, source)};
        compare_rows(expected, match);
        compare_tokens(expected, match, begin);
        next_[cell(expert, source)] += match.count;
        row += match.count;
      }
    }
    const auto* selections = reinterpret_cast<const std::int32_t*>(expected.tokens_per_expert.bytes.data());
    for (std::size_t expert = 0; expert < tokens_per_expert_.size(); ++expert) {
      tokens_per_expert_[expert] += selections[expert];
    }
  }

  void compare_rows(const reference::Dispatched& expected, const Match& match) {
    const std::int64_t rows = padded() ? expected.x.shape[0] * expected.x.shape[1] : expected.x.shape[0];
    for (const RowTensor& tensor :
         {RowTensor{"x", result_.x, view_of(expected.x), rows},
          RowTensor{"scales", result_.scales, view_of(expected.scales), rows},
          RowTensor{"topk_weights", result_.topk_weights, view_of(expected.topk_weights), rows},
          RowTensor{"topk_idx", result_.topk_idx, view_of(expected.topk_idx), rows},
          RowTensor{"row_expert", result_.row_expert, view_of(expected.row_expert), rows}}) {
      if (!tensor.expected.given()) continue;
      const std::size_t bytes = tensor.row_bytes();
      tally_.compare(tensor.name, bytes_at(tensor.got, static_cast<std::size_t>(match.to) * bytes),
                     bytes_at(tensor.expected, static_cast<std::size_t>(match.from) * bytes),
                     static_cast<std::size_t>(match.count) * bytes);
    }
  }

  /// Token numbers of the slice begin at 0.
  void compare_tokens(const reference::Dispatched& expected, const Match& match, std::int64_t begin) {
    const bool triple = scenario_.layout == Layout::kExpertContiguous;
    if (!triple && !padded()) return;
    const reference::Tensor& tensor = triple ? expected.source : expected.source_token;
    const ConstTensorView got = triple ? result_.source : result_.source_token;
    const std::size_t width = triple ? 3 : 1;
    const auto* from =
        reinterpret_cast<const std::int32_t*>(tensor.bytes.data()) + static_cast<std::size_t>(match.from) * width;
    std::vector<std::int32_t> wanted(from, from + static_cast<std::size_t>(match.count) * width);
    for (std::size_t i = triple ? 1 : 0; i < wanted.size(); i += width) wanted[i] += static_cast<std::int32_t>(begin);
    tally_.compare("source", bytes_at(got, static_cast<std::size_t>(match.to) * width * 4), wanted.data(),
                   wanted.size() * 4);
  }

  /// What describes the whole result: sums over the slices.
  void verify_totals() {
    tally_.compare("tokens_per_expert", result_.tokens_per_expert.data, tokens_per_expert_.data(),
                   tokens_per_expert_.size() * 4);
    if (scenario_.layout == Layout::kExpertContiguous) verify_offsets();
    if (padded()) verify_sources();
  }

  void verify_offsets() {
    std::vector<std::int64_t> offsets{0};
    for (const std::int32_t count : tokens_per_expert_) offsets.push_back(offsets.back() + count);
    tally_.compare("expert_offsets", result_.expert_offsets.data, offsets.data(), offsets.size() * 8);
  }

  void verify_sources() {
    std::vector<std::int32_t> counts;
    std::vector<std::int32_t> begins;
    for (int expert = 0; expert < all_.num_experts(); ++expert) {
      std::int32_t begin = 0;
      for (int source = 0; source < scenario_.num_ranks; ++source) {
        begins.push_back(begin);
        counts.push_back(static_cast<std::int32_t>(all_.at(expert, source)));
        begin += counts.back();
      }
    }
    tally_.compare("source_count", result_.source_count.data, counts.data(), counts.size() * 4);
    tally_.compare("source_begin", result_.source_begin.data, begins.data(), begins.size() * 4);
  }

  static ConstTensorView view_of(const reference::Tensor& tensor) {
    return tensor.shape.empty() ? ConstTensorView{} : tensor.view();
  }

  const Scenario& scenario_;
  int set_;
  int rank_;
  const DispatchResult& result_;
  RowCounts all_;
  std::vector<std::int64_t> next_;  ///< [expert][source]: first row of the result that is not yet compared
  std::int64_t placed_ = 0;
  std::vector<std::int32_t> tokens_per_expert_;
  Tally tally_;
};

}  // namespace

Tally verify_dispatch(const Scenario& scenario, int set, int rank, const DispatchResult& result,
                      const Progress& progress) {
  return DispatchVerifier(scenario, set, rank, result).run(progress);
}

}  // namespace crossdock::tools::bench
