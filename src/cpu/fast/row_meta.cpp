#include "cpu/fast/row_meta.hpp"

#include <array>
#include <cstring>

#include "crossdock/config.hpp"

namespace crossdock::cpu {

RowMetaWriter::RowMetaWriter(const core::Route& route, DType idx_dtype, const ConstTensorView& topk_weights)
    : route_(route),
      idx_dtype_(idx_dtype),
      weights_(topk_weights.given() ? static_cast<const float*>(topk_weights.data) : nullptr) {}

void RowMetaWriter::write(std::int32_t token, int rank, const core::WireBlock& block, std::int64_t row) const {
  if (idx_dtype_ == DType::kInt64) {
    write_idx<std::int64_t>(token, rank, block.idx(row));
  } else {
    write_idx<std::int32_t>(token, rank, block.idx(row));
  }
  if (weights_ != nullptr) write_weights(token, rank, block.weights(row));
  if (block.layout.shape.token_bytes != 0) std::memcpy(block.token(row), &token, sizeof token);
}

template <typename Index>
void RowMetaWriter::write_idx(std::int32_t token, int rank, std::byte* out) const {
  std::array<Index, kMaxTopK> idx;
  for (int k = 0; k < route_.top_k; ++k) {
    const core::Selection& selection = route_.at(token, k);
    idx[k] = selection.rank == rank ? selection.local_expert : -1;
  }
  std::memcpy(out, idx.data(), static_cast<std::size_t>(route_.top_k) * sizeof(Index));
}

void RowMetaWriter::write_weights(std::int32_t token, int rank, std::byte* out) const {
  std::array<float, kMaxTopK> weights;
  for (int k = 0; k < route_.top_k; ++k) {
    const bool here = route_.at(token, k).rank == rank;
    weights[k] = here ? weights_[static_cast<std::int64_t>(token) * route_.top_k + k] : 0.0F;
  }
  std::memcpy(out, weights.data(), static_cast<std::size_t>(route_.top_k) * sizeof(float));
}

}  // namespace crossdock::cpu
