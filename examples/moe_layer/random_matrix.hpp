// Weights and tokens from nothing but a name, so that every rank can make those of any other.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace moe_layer {

struct MatrixShape {
  std::uint32_t name = 0;  ///< which matrix: equal names give equal numbers
  int rows = 0;
  int columns = 0;
};

/// Row-major, uniform with variance 1 / columns: a product with it keeps the size of a vector's elements.
inline std::vector<float> random_matrix(const MatrixShape& shape) {
  std::minstd_rand random(shape.name + 1);
  const float half_width = std::sqrt(3.0F / static_cast<float>(shape.columns));
  std::uniform_real_distribution<float> uniform(-half_width, half_width);
  std::vector<float> values(static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(shape.columns));
  for (float& value : values) value = uniform(random);
  return values;
}

/// Tokens of a rank, with elements of about 1.
inline std::vector<float> random_tokens(int rank, int num_tokens, int hidden) {
  std::vector<float> tokens =
      random_matrix({.name = 1'000'000U + static_cast<std::uint32_t>(rank), .rows = num_tokens, .columns = hidden});
  for (float& value : tokens) value *= std::sqrt(static_cast<float>(hidden));
  return tokens;
}

}  // namespace moe_layer
