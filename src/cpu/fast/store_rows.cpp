#include "cpu/fast/store_rows.hpp"

#include <array>
#include <cstring>
#include <vector>

#include "core/numeric/quantize.hpp"
#include "cpu/fast/rank_rows.hpp"
#include "cpu/fast/row_kernels.hpp"
#include "cpu/fast/row_meta.hpp"
#include "cpu/fast/token_runs.hpp"

namespace crossdock::cpu {
namespace {

/// Rows of the input as they lie, or quantised on the way.
class RowSource {
 public:
  RowSource(const StoreRowsJob& job, bool stream)
      : input_(*job.input),
        quantize_(job.quantize),
        stream_(stream),
        x_(job.shape.x_bytes),
        scales_(job.shape.scale_bytes) {}

  /// Stores the row to every output. scales() then holds its scales, until the next call.
  void store(std::int64_t token, std::span<std::byte* const> outs) {
    const auto stride = static_cast<std::size_t>(input_.x.strides[0]) * size_of(input_.x.dtype);
    const std::byte* row = static_cast<const std::byte*>(input_.x.data) + stride * static_cast<std::size_t>(token);
    if (input_.scales.given()) gather_scales(token);
    if (quantize_ == Quantize::kNone) {
      copy_row(row, x_.size(), outs, stream_);
    } else {
      quantize(row, outs);
    }
  }

  const std::byte* scales() const { return scales_.data(); }

 private:
  void quantize(const std::byte* row, std::span<std::byte* const> outs) {
    const int hidden = static_cast<int>(input_.x.shape[1]);
    if (input_.x.dtype != DType::kFp16) {
      quantize_row_simd(row, input_.x.dtype, hidden, quantize_, outs, scales_.data(), stream_);
      return;
    }
    auto* codes = reinterpret_cast<std::uint8_t*>(x_.data());
    core::quantize_row(row, input_.x.dtype, hidden, quantize_, codes, scales_.data());
    copy_row(x_.data(), x_.size(), outs, stream_);
  }

  /// Ready scales may be column-major; on the wire they never are.
  void gather_scales(std::int64_t token) {
    const auto* words = static_cast<const std::uint32_t*>(input_.scales.data) + token * input_.scales.strides[0];
    for (std::int64_t word = 0; word < input_.scales.shape[1]; ++word) {
      std::memcpy(scales_.data() + word * 4, words + word * input_.scales.strides[1], 4);
    }
  }

  const DispatchInput& input_;
  Quantize quantize_;
  bool stream_;
  std::vector<std::byte> x_;
  std::vector<std::byte> scales_;
};

/// Consecutive tokens of a job, by one thread: first where the rows of a run go and all that lies beside them, then the
/// rows.
class TokenRange {
 public:
  TokenRange(const StoreRowsJob& job, std::int64_t begin, bool stream)
      : job_(job),
        source_(job, stream),
        meta_(*job.route, job.wire_idx_dtype, job.input->topk_weights),
        rank_rows_(*job.route, begin) {}

  /// The next tokens [begin, end), at most kTokensAtOnce.
  void store(std::int64_t begin, std::int64_t end) {
    place(begin, end);
    for (std::int64_t token = begin; token < end; ++token) {
      const std::size_t first = first_[token - begin];
      const std::size_t count = first_[token - begin + 1] - first;
      if (count == 0) continue;
      source_.store(token, std::span(outs_).subspan(first, count));
      for (std::byte* scales : std::span(scales_).subspan(first, count)) {
        if (scales != nullptr) std::memcpy(scales, source_.scales(), job_.shape.scale_bytes);
      }
    }
  }

 private:
  void place(std::int64_t begin, std::int64_t end) {
    outs_.clear();
    scales_.clear();
    for (std::int64_t token = begin; token < end; ++token) {
      rank_rows_.take(token, [&](int rank, std::int64_t ordinal) { place_row(token, rank, ordinal); });
      first_[token - begin + 1] = outs_.size();
    }
  }

  void place_row(std::int64_t token, int rank, std::int64_t ordinal) {
    const RowTarget& target = job_.targets[static_cast<std::size_t>(rank)];
    const std::int64_t row = target.first_row + ordinal;
    outs_.push_back(target.block.x(row));
    scales_.push_back(job_.shape.scale_bytes != 0 ? target.block.scales(row) : nullptr);
    meta_.write(static_cast<std::int32_t>(token), rank, target.block, row);
  }

  const StoreRowsJob& job_;
  RowSource source_;
  RowMetaWriter meta_;
  RankRows rank_rows_;
  std::vector<std::byte*> outs_;
  std::vector<std::byte*> scales_;                      ///< beside each of outs, or nullptr
  std::array<std::size_t, kTokensAtOnce + 1> first_{};  ///< where each token's outs begin
};

std::size_t bytes_of(const StoreRowsJob& job) {
  std::size_t rows = 0;
  for (const auto& tokens : job.route->tokens_to) rows += tokens.size();
  return rows * job.shape.x_bytes;
}

}  // namespace

void store_rows(const StoreRowsJob& job, Workers& workers) {
  const bool stream = bytes_of(job) >= kStreamFromBytes;
  workers.run(job.route->num_tokens, [&](std::int64_t begin, std::int64_t end) {
    TokenRange range(job, begin, stream);
    for_each_run(begin, end, [&](std::int64_t first, std::int64_t last) { range.store(first, last); });
    if (stream) order_streamed_stores();
  });
}

}  // namespace crossdock::cpu
