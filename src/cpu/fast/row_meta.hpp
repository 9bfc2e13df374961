// What crosses beside a row: the token's selections as the receiving rank sees them.
#pragma once

#include <cstdint>

#include "core/layout/wire_layout.hpp"
#include "core/routing/route.hpp"
#include "crossdock/tensor.hpp"

namespace crossdock::cpu {

class RowMetaWriter {
 public:
  /// topk_weights: [T, K] fp32, or not given.
  RowMetaWriter(const core::Route& route, DType idx_dtype, const ConstTensorView& topk_weights);

  /// Selections of other ranks are -1 with weight 0.
  void write(std::int32_t token, int rank, const core::WireBlock& block, std::int64_t row) const;

 private:
  template <typename Index>
  void write_idx(std::int32_t token, int rank, std::byte* out) const;
  void write_weights(std::int32_t token, int rank, std::byte* out) const;

  const core::Route& route_;
  DType idx_dtype_;
  const float* weights_;
};

}  // namespace crossdock::cpu
