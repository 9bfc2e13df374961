#include "cpu/fast/plain_sum.hpp"

#include <algorithm>
#include <vector>

#include "core/numeric/convert.hpp"

namespace crossdock::cpu {
namespace {

using Accumulator = std::vector<float>;

/// The additions of the contract over one token, level by level.
class TokenSum {
 public:
  explicit TokenSum(const ReduceJob& job)
      : job_(job),
        hidden_(static_cast<std::size_t>(job.hidden)),
        row_(hidden_),
        rank_(hidden_),
        node_(hidden_),
        sum_(hidden_),
        wire_(hidden_ * size_of(job.wire_dtype)) {}

  Accumulator& add_up(std::span<const SumTerm> terms) {
    std::ranges::fill(sum_, 0.0F);
    if (job_.tree == ReductionTree::kPerSelection) {
      for (const SumTerm& term : terms) add_selection(term, sum_, /*round_row=*/true);
    } else if (job_.tree == ReductionTree::kPerRank) {
      add_ranks(terms, sum_);
    } else {
      add_nodes(terms);
    }
    return sum_;
  }

 private:
  /// out += weight * row, multiply and add each rounded.
  void add_selection(const SumTerm& term, Accumulator& out, bool round_row) {
    load(term.row);
    if (round_row) round_to_wire(row_);
    const bool weighted = job_.weights != nullptr;
    for (std::size_t h = 0; h < hidden_; ++h) out[h] += weighted ? term.weight * row_[h] : row_[h];
  }

  /// Terms of one rank follow one another; each rank's sum is rounded, then added.
  void add_ranks(std::span<const SumTerm> terms, Accumulator& out) {
    std::ranges::fill(rank_, 0.0F);
    for (const SumTerm& term : terms) {
      add_selection(term, rank_, /*round_row=*/false);
      if (!term.ends_rank) continue;
      round_to_wire(rank_);
      add(rank_, out);
      std::ranges::fill(rank_, 0.0F);
    }
  }

  void add_nodes(std::span<const SumTerm> terms) {
    for (std::size_t begin = 0; begin < terms.size();) {
      std::size_t end = begin + 1;
      while (!terms[end - 1].ends_node) ++end;
      std::ranges::fill(node_, 0.0F);
      add_ranks(terms.subspan(begin, end - begin), node_);
      round_to_wire(node_);
      add(node_, sum_);
      begin = end;
    }
  }

  void load(const std::byte* row) { core::load_row(row, job_.row_dtype, hidden_, row_.data()); }

  void round_to_wire(Accumulator& values) {
    if (job_.wire_dtype == DType::kFp32) return;
    core::store_row(wire_.data(), job_.wire_dtype, hidden_, values.data());
    core::load_row(wire_.data(), job_.wire_dtype, hidden_, values.data());
  }

  static void add(const Accumulator& from, Accumulator& to) {
    for (std::size_t h = 0; h < to.size(); ++h) to[h] += from[h];
  }

  const ReduceJob& job_;
  std::size_t hidden_;
  Accumulator row_;
  Accumulator rank_;
  Accumulator node_;
  Accumulator sum_;
  std::vector<std::byte> wire_;  ///< a row in the wire type
};

/// Biases and the one rounding of the result.
class RowFinisher {
 public:
  explicit RowFinisher(const ReduceJob& job) : job_(job), bias_(static_cast<std::size_t>(job.hidden)) {}

  void finish(std::int64_t token, Accumulator& sum) {
    add_bias(job_.bias0, token, sum);
    add_bias(job_.bias1, token, sum);
    auto* out = static_cast<std::byte*>(job_.y.data) + row_offset(token, job_.y.dtype);
    core::store_row(out, job_.y.dtype, sum.size(), sum.data());
  }

 private:
  std::size_t row_offset(std::int64_t token, DType dtype) const {
    return static_cast<std::size_t>(token) * bias_.size() * size_of(dtype);
  }

  void add_bias(const ConstTensorView& bias, std::int64_t token, Accumulator& sum) {
    if (!bias.given()) return;
    const auto* row = static_cast<const std::byte*>(bias.data) + row_offset(token, bias.dtype);
    core::load_row(row, bias.dtype, bias_.size(), bias_.data());
    for (std::size_t h = 0; h < sum.size(); ++h) sum[h] += bias_[h];
  }

  const ReduceJob& job_;
  Accumulator bias_;
};

}  // namespace

struct PlainSum::Scratch {
  TokenSum sum;
  RowFinisher finisher;
};

PlainSum::PlainSum(const ReduceJob& job)
    : scratch_(std::make_unique<Scratch>(Scratch{.sum = TokenSum(job), .finisher = RowFinisher(job)})) {}

PlainSum::~PlainSum() = default;

void PlainSum::store(std::int64_t token, std::span<const SumTerm> terms) {
  scratch_->finisher.finish(token, scratch_->sum.add_up(terms));
}

}  // namespace crossdock::cpu
