#include "bench/experts.hpp"

#include "crossdock/rows.hpp"
#include "numbers.hpp"

namespace crossdock::tools::bench {
namespace {

float expert_factor(std::int32_t expert) { return 1.0F + static_cast<float>(expert % 64) / 64.0F; }

template <typename Word>
const Word* words(const ConstTensorView& view, std::int64_t index) {
  return static_cast<const Word*>(view.data) + index;
}

/// Where a row comes from and goes to.
struct Row {
  const void* x = nullptr;
  const float* scales = nullptr;
  void* out = nullptr;
  int hidden = 0;
  float factor = 1;
};

void scale_fp8_row(const Row& row) {
  const float* table = e4m3_table();
  const auto* x = static_cast<const std::uint8_t*>(row.x);
  auto* out = static_cast<std::uint16_t*>(row.out);
  for (int block = 0; block < row.hidden / kQuantBlock; ++block) {
    for (int i = block * kQuantBlock; i < (block + 1) * kQuantBlock; ++i) {
      out[i] = bf16_from_float(table[x[i]] * row.scales[block] * row.factor);
    }
  }
}

void scale_bf16_row(const Row& row) {
  const auto* x = static_cast<const std::uint16_t*>(row.x);
  auto* out = static_cast<std::uint16_t*>(row.out);
  for (int i = 0; i < row.hidden; ++i) out[i] = bf16_from_float(float_from_bf16(x[i]) * row.factor);
}

void scale_fp16_row(const Row& row) {
  const auto* x = static_cast<const std::uint16_t*>(row.x);
  auto* out = static_cast<std::uint16_t*>(row.out);
  for (int i = 0; i < row.hidden; ++i) out[i] = fp16_from_float(float_from_fp16(x[i]) * row.factor);
}

void scale_fp32_row(const Row& row) {
  const auto* x = static_cast<const float*>(row.x);
  auto* out = static_cast<float*>(row.out);
  for (int i = 0; i < row.hidden; ++i) out[i] = x[i] * row.factor;
}

void scale_row(DType dtype, const Row& row) {
  switch (dtype) {
    case DType::kFp8E4m3:
      scale_fp8_row(row);
      break;
    case DType::kFp16:
      scale_fp16_row(row);
      break;
    case DType::kFp32:
      scale_fp32_row(row);
      break;
    default:
      scale_bf16_row(row);
      break;
  }
}

class Experts {
 public:
  Experts(const Scenario& scenario, int rank, const DispatchResult& rows, const TensorView& out)
      : scenario_(scenario), rows_(rows), out_(out), first_expert_(scenario.placement().first(rank)) {}

  void run() const {
    if (scenario_.layout == Layout::kFlat) {
      for (std::int64_t row = 0; row < rows_.num_rows; ++row) scale(row, flat_factor(row));
      return;
    }
    for (std::int32_t expert = 0; expert < static_cast<std::int32_t>(rows_.tokens_per_expert.shape[0]); ++expert) {
      const RowRange own = rows_of_expert(rows_, expert);
      for (std::int64_t row = own.begin; row < own.end(); ++row) scale(row, expert_factor(first_expert_ + expert));
    }
  }

 private:
  float flat_factor(std::int64_t row) const {
    const std::int64_t top_k = rows_.topk_idx.shape[1];
    float factor = 0;
    for (std::int64_t k = 0; k < top_k; ++k) {
      const std::int32_t expert = *words<std::int32_t>(rows_.topk_idx, row * top_k + k);
      if (expert < 0) continue;
      factor += *words<float>(rows_.topk_weights, row * top_k + k) * expert_factor(first_expert_ + expert);
    }
    return factor;
  }

  void scale(std::int64_t row, float factor) const {
    const std::size_t hidden = static_cast<std::size_t>(scenario_.hidden);
    const auto index = static_cast<std::size_t>(row);
    Row work{.x = static_cast<const std::byte*>(rows_.x.data) + index * hidden * size_of(rows_.x.dtype),
             .out = static_cast<std::byte*>(out_.data) + index * hidden * size_of(out_.dtype),
             .hidden = scenario_.hidden,
             .factor = factor};
    if (rows_.scales.given()) work.scales = words<float>(rows_.scales, row * (scenario_.hidden / kQuantBlock));
    scale_row(rows_.x.dtype, work);
  }

  const Scenario& scenario_;
  const DispatchResult& rows_;
  const TensorView& out_;
  std::int32_t first_expert_;
};

}  // namespace

void apply_experts(const Scenario& scenario, int rank, const DispatchResult& rows, const TensorView& out) {
  Experts(scenario, rank, rows, out).run();
}

}  // namespace crossdock::tools::bench
