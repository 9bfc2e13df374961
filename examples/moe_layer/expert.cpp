#include "expert.hpp"

#include <cblas.h>

#include <cmath>

#include "random_matrix.hpp"

namespace moe_layer {
namespace {

/// out [rows, outputs] = in [rows, inputs] x matrix [outputs, inputs] transposed.
void multiply(int rows, int outputs, int inputs, const float* in, const float* matrix, float* out) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, outputs, inputs, 1.0F, in, inputs, matrix, inputs, 0.0F,
              out, outputs);
}

float silu(float x) { return x / (1.0F + std::exp(-x)); }

/// Matrix 0, 1 or 2 of an expert.
std::vector<float> matrix_of(int expert, int which, int rows, int columns) {
  return random_matrix({.name = static_cast<std::uint32_t>(1 + 3 * expert + which), .rows = rows, .columns = columns});
}

}  // namespace

Expert::Expert(const LayerConfig& config, int expert)
    : config_(config),
      gate_(matrix_of(expert, 0, config.intermediate, config.hidden)),
      up_(matrix_of(expert, 1, config.intermediate, config.hidden)),
      down_(matrix_of(expert, 2, config.hidden, config.intermediate)) {}

void Expert::run(ConstRows x, Rows y) const {
  const int rows = num_rows(config_, x);
  const int hidden = config_.hidden;
  const int intermediate = config_.intermediate;
  std::vector<float> inner(static_cast<std::size_t>(rows) * static_cast<std::size_t>(intermediate));
  std::vector<float> up(inner.size());
  multiply(rows, intermediate, hidden, x.data(), gate_.data(), inner.data());
  multiply(rows, intermediate, hidden, x.data(), up_.data(), up.data());
  for (std::size_t i = 0; i < inner.size(); ++i) inner[i] = silu(inner[i]) * up[i];
  multiply(rows, hidden, intermediate, inner.data(), down_.data(), y.data());
}

}  // namespace moe_layer
