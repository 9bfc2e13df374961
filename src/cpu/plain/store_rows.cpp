#include "cpu/plain/store_rows.hpp"

#include <cstring>
#include <vector>

#include "core/numeric/quantize.hpp"

namespace crossdock::cpu {
namespace {

/// A row's bytes, ready to be stored any number of times.
struct PreparedRow {
  const std::byte* x = nullptr;
  const std::byte* scales = nullptr;
};

/// Takes rows of the input as they lie, or quantises them into scratch.
class RowSource {
 public:
  RowSource(const StoreRowsJob& job, const core::WireShape& shape)
      : input_(*job.input), quantize_(job.quantize), x_scratch_(shape.x_bytes), scale_scratch_(shape.scale_bytes) {}

  PreparedRow prepare(std::int64_t token) {
    const auto row_bytes = static_cast<std::size_t>(input_.x.strides[0]) * size_of(input_.x.dtype);
    const std::byte* row = static_cast<const std::byte*>(input_.x.data) + row_bytes * static_cast<std::size_t>(token);
    if (quantize_ != Quantize::kNone) {
      core::quantize_row(row, input_.x.dtype, static_cast<int>(input_.x.shape[1]), quantize_,
                         reinterpret_cast<std::uint8_t*>(x_scratch_.data()), scale_scratch_.data());
      return {x_scratch_.data(), scale_scratch_.data()};
    }
    if (input_.scales.given()) gather_scales(token);
    return {row, scale_scratch_.data()};
  }

 private:
  /// Ready scales may be column-major; on the wire they never are.
  void gather_scales(std::int64_t token) {
    const auto* words = static_cast<const std::uint32_t*>(input_.scales.data) + token * input_.scales.strides[0];
    for (std::int64_t word = 0; word < input_.scales.shape[1]; ++word) {
      std::memcpy(scale_scratch_.data() + word * 4, words + word * input_.scales.strides[1], 4);
    }
  }

  const DispatchInput& input_;
  Quantize quantize_;
  std::vector<std::byte> x_scratch_;
  std::vector<std::byte> scale_scratch_;
};

/// The token's selections as the rank sees them: those of other ranks are -1 with weight 0.
class MetaWriter {
 public:
  MetaWriter(const StoreRowsJob& job)
      : route_(*job.route), idx_dtype_(job.wire_idx_dtype), weights_(job.input->topk_weights) {}

  void write(std::int32_t token, int rank, const core::WireBlock& block, std::int64_t row) const {
    for (int k = 0; k < route_.top_k; ++k) {
      const core::Selection& selection = route_.at(token, k);
      const bool here = selection.rank == rank;
      write_idx(block.idx(row), k, here ? selection.local_expert : -1);
      if (weights_.given()) write_weight(block.weights(row), k, here ? weight(token, k) : 0.0F);
    }
    if (block.layout.shape.token_bytes != 0) std::memcpy(block.token(row), &token, sizeof token);
  }

 private:
  float weight(std::int32_t token, int k) const {
    return static_cast<const float*>(weights_.data)[static_cast<std::int64_t>(token) * route_.top_k + k];
  }

  void write_idx(std::byte* out, int k, std::int32_t value) const {
    if (idx_dtype_ == DType::kInt64) {
      const std::int64_t wide = value;
      std::memcpy(out + k * sizeof wide, &wide, sizeof wide);
    } else {
      std::memcpy(out + k * sizeof value, &value, sizeof value);
    }
  }

  static void write_weight(std::byte* out, int k, float value) {
    std::memcpy(out + k * sizeof value, &value, sizeof value);
  }

  const core::Route& route_;
  DType idx_dtype_;
  ConstTensorView weights_;
};

core::WireShape shape_of(std::span<const RowTarget> targets) {
  for (const RowTarget& target : targets) {
    if (target.block.base != nullptr) return target.block.layout.shape;
  }
  return {};
}

}  // namespace

void store_rows(const StoreRowsJob& job) {
  const core::WireShape shape = shape_of(job.targets);
  RowSource source(job, shape);
  const MetaWriter meta(job);
  std::vector<std::size_t> next(job.targets.size(), 0);
  for (std::int32_t token = 0; token < job.route->num_tokens; ++token) {
    PreparedRow prepared;
    for (std::size_t rank = 0; rank < job.targets.size(); ++rank) {
      const auto& tokens = job.route->tokens_to[rank];
      if (next[rank] == tokens.size() || tokens[next[rank]] != token) continue;
      if (prepared.x == nullptr) prepared = source.prepare(token);
      const RowTarget& target = job.targets[rank];
      const std::int64_t row = target.first_row + static_cast<std::int64_t>(next[rank]++);
      std::memcpy(target.block.x(row), prepared.x, shape.x_bytes);
      if (shape.scale_bytes != 0) std::memcpy(target.block.scales(row), prepared.scales, shape.scale_bytes);
      meta.write(token, static_cast<int>(rank), target.block, row);
    }
  }
}

}  // namespace crossdock::cpu
