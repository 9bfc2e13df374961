#include "cpu/fast/store_rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "core/numeric/quantize.hpp"
#include "cpu/fast/row_kernels.hpp"
#include "cpu/fast/row_meta.hpp"
#include "crossdock/config.hpp"

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

/// The tokens [begin, end) of a job, by one thread.
class TokenRange {
 public:
  TokenRange(const StoreRowsJob& job, std::int64_t begin, bool stream)
      : job_(job),
        source_(job, stream),
        meta_(*job.route, job.wire_idx_dtype, job.input->topk_weights),
        next_(job.targets.size()) {
    for (std::size_t rank = 0; rank < next_.size(); ++rank) {
      const auto& tokens = job.route->tokens_to[rank];
      next_[rank] = std::ranges::lower_bound(tokens, static_cast<std::int32_t>(begin)) - tokens.begin();
    }
  }

  void store(std::int32_t token) {
    const std::size_t count = list_ranks(token);
    if (count == 0) return;
    std::array<std::byte*, kMaxTopK> outs;
    for (std::size_t i = 0; i < count; ++i) outs[i] = target(ranks_[i]).block.x(row_at(ranks_[i]));
    source_.store(token, std::span(outs.data(), count));
    for (std::size_t i = 0; i < count; ++i) store_beside(token, ranks_[i]);
  }

 private:
  const RowTarget& target(int rank) const { return job_.targets[static_cast<std::size_t>(rank)]; }
  std::int64_t row_at(int rank) const { return target(rank).first_row + next_[static_cast<std::size_t>(rank)]; }

  /// The ranks of the token, each once.
  std::size_t list_ranks(std::int32_t token) {
    std::size_t count = 0;
    for (int k = 0; k < job_.route->top_k; ++k) {
      const int rank = job_.route->at(token, k).rank;
      if (rank < 0 || std::find(ranks_.begin(), ranks_.begin() + count, rank) != ranks_.begin() + count) continue;
      ranks_[count++] = rank;
    }
    return count;
  }

  void store_beside(std::int32_t token, int rank) {
    const core::WireBlock& block = target(rank).block;
    const std::int64_t row = row_at(rank);
    if (job_.shape.scale_bytes != 0) std::memcpy(block.scales(row), source_.scales(), job_.shape.scale_bytes);
    meta_.write(token, rank, block, row);
    ++next_[static_cast<std::size_t>(rank)];
  }

  const StoreRowsJob& job_;
  RowSource source_;
  RowMetaWriter meta_;
  std::vector<std::int64_t> next_;  ///< ordinal of the next row, by rank
  std::array<int, kMaxTopK> ranks_{};
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
    for (std::int64_t token = begin; token < end; ++token) range.store(static_cast<std::int32_t>(token));
    if (stream) order_streamed_stores();
  });
}

}  // namespace crossdock::cpu
