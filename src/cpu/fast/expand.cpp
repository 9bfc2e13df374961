#include "cpu/fast/expand.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cpu/fast/row_kernels.hpp"
#include "crossdock/config.hpp"

namespace crossdock::cpu {
namespace {

std::int32_t int32_at(const std::byte* data, int index) {
  std::int32_t value = 0;
  std::memcpy(&value, data + static_cast<std::size_t>(index) * sizeof value, sizeof value);
  return value;
}

float float_at(const std::byte* data, int index) {
  float value = 0;
  std::memcpy(&value, data + static_cast<std::size_t>(index) * sizeof value, sizeof value);
  return value;
}

/// True where an earlier selection of the token chose the same expert.
bool repeats(const std::byte* idx, int k) {
  for (int j = 0; j < k; ++j) {
    if (int32_at(idx, j) == int32_at(idx, k)) return true;
  }
  return false;
}

/// What a row of the output says about its origin.
struct Origin {
  std::int32_t expert;
  std::int32_t source;
  std::int32_t token;
  std::int32_t k;
};

void write_origin(const DispatchResult& result, Layout layout, std::int64_t row, const Origin& origin) {
  if (layout == Layout::kExpertPadded) {
    static_cast<std::int32_t*>(result.source_token.data)[row] = origin.token;
    return;
  }
  static_cast<std::int32_t*>(result.row_expert.data)[row] = origin.expert;
  const std::array<std::int32_t, 3> source{origin.source, origin.token, origin.k};
  std::memcpy(static_cast<std::int32_t*>(result.source.data) + row * 3, source.data(), sizeof source);
}

/// One wire row to all the rows of the output that come from it.
void expand_row(const ExpandJob& job, int source, std::int64_t wire_row, bool stream, std::vector<std::int64_t>& next) {
  const core::WireBlock& block = job.sources[source].block;
  const std::byte* idx = block.idx(wire_row);
  const std::size_t row_bytes = block.layout.shape.x_bytes;
  std::array<std::byte*, kMaxTopK> outs;
  std::size_t count = 0;
  for (int k = 0; k < job.top_k; ++k) {
    const std::int32_t expert = int32_at(idx, k);
    if (expert < 0 || (job.layout == Layout::kExpertPadded && repeats(idx, k))) continue;
    const std::int64_t row = next[expert]++;
    outs[count++] = static_cast<std::byte*>(job.result->x.data) + static_cast<std::size_t>(row) * row_bytes;
    if (job.scales.words != 0) job.scales.store(row, block.scales(wire_row));
    if (job.result->topk_weights.given()) {
      static_cast<float*>(job.result->topk_weights.data)[row] = float_at(block.weights(wire_row), k);
    }
    write_origin(*job.result, job.layout, row,
                 {.expert = expert, .source = source, .token = int32_at(block.token(wire_row), 0), .k = k});
  }
  copy_row(block.x(wire_row), row_bytes, std::span(outs.data(), count), stream);
}

void write_padding_row(const ExpandJob& job, std::int64_t row, std::size_t row_bytes) {
  std::memset(static_cast<std::byte*>(job.result->x.data) + static_cast<std::size_t>(row) * row_bytes, 0, row_bytes);
  if (job.scales.words != 0) job.scales.store(row, nullptr);
  if (job.result->topk_weights.given()) static_cast<float*>(job.result->topk_weights.data)[row] = 0.0F;
  write_origin(*job.result, job.layout, row, {.expert = -1, .source = -1, .token = -1, .k = -1});
}

}  // namespace

void expand_rows(const ExpandJob& job, Workers& workers) {
  std::size_t bytes = 0;
  for (const SourceRows& rows : job.sources) {
    bytes += static_cast<std::size_t>(rows.num_rows) * rows.block.layout.shape.x_bytes;
  }
  const bool stream = bytes >= kStreamFromBytes;
  workers.run(static_cast<std::int64_t>(job.sources.size()), [&](std::int64_t begin, std::int64_t end) {
    for (auto source = static_cast<int>(begin); source < end; ++source) {
      const SourceRows& rows = job.sources[source];
      std::vector<std::int64_t> next = job.slots->first_row[source];
      for (std::int64_t row = 0; row < rows.num_rows; ++row) {
        expand_row(job, source, rows.first_row + row, stream, next);
      }
    }
    if (stream) order_streamed_stores();
  });
}

void pad_experts(const ExpandJob& job, std::span<const std::int32_t> rows) {
  const std::size_t row_bytes = static_cast<std::size_t>(job.result->x.shape[1]) * size_of(job.result->x.dtype);
  for (std::size_t expert = 0; expert < rows.size(); ++expert) {
    const std::int64_t end = job.slots->expert_offsets[expert + 1];
    for (std::int64_t row = job.slots->expert_offsets[expert] + rows[expert]; row < end; ++row) {
      write_padding_row(job, row, row_bytes);
    }
  }
  auto* row_expert = static_cast<std::int32_t*>(job.result->row_expert.data);
  std::fill(row_expert + job.slots->num_rows, row_expert + job.result->row_expert.shape[0], -1);
}

}  // namespace crossdock::cpu
