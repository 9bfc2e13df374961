// Stands for a model: tokens with a random routing, experts that give back what they get, and a look at the sum, which
// is then each token times the sum of its weights, but for the rounding of FP8.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <crossdock/crossdock.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

inline constexpr std::int64_t kTokens = 64, kHidden = 7168, kTopK = 8, kExperts = 64;

struct MyTokens {
  std::int64_t count = kTokens;
  std::vector<std::uint16_t> x;        // [T, hidden] bf16
  std::vector<std::int64_t> topk_idx;  // [T, K]
  std::vector<float> topk_weights;     // [T, K]
};

inline float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
inline std::uint16_t to_bf16(float value) {
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(value) + 0x8000) >> 16);
}
inline float from_e4m3(std::uint8_t bits) {
  const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
  const float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                   : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  return (bits & 0x80) != 0 ? -size : size;
}

inline MyTokens make_my_tokens(int rank) {
  std::mt19937 random(static_cast<unsigned>(rank) + 1);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform;
  MyTokens tokens;
  for (std::int64_t i = 0; i < kTokens * kHidden; ++i) tokens.x.push_back(to_bf16(normal(random)));
  std::vector<std::int64_t> experts(kExperts);
  for (std::int64_t expert = 0; expert < kExperts; ++expert) experts[static_cast<std::size_t>(expert)] = expert;
  for (std::int64_t token = 0; token < kTokens; ++token) {
    std::shuffle(experts.begin(), experts.end(), random);
    tokens.topk_idx.insert(tokens.topk_idx.end(), experts.begin(), experts.begin() + kTopK);
    for (int k = 0; k < kTopK; ++k) tokens.topk_weights.push_back(uniform(random));
  }
  return tokens;
}

/// x e4m3 [n, hidden], scales [n, hidden / 128] fp32, offsets [local experts + 1] -> y bf16 [n, hidden].
inline void run_my_experts(const crossdock::TensorView& x, const crossdock::TensorView& scales,
                           const crossdock::TensorView& offsets, const crossdock::TensorView& y) {
  const auto* bytes = static_cast<const std::uint8_t*>(x.data);
  const auto* factors = static_cast<const float*>(scales.data);
  const auto* ends = static_cast<const std::int64_t*>(offsets.data);
  auto* out = static_cast<std::uint16_t*>(y.data);
  for (std::int64_t expert = 0; expert + 1 < offsets.shape[0]; ++expert) {
    for (std::int64_t row = ends[expert]; row < ends[expert + 1]; ++row) {
      for (std::int64_t i = 0; i < kHidden; ++i) {
        const float factor = factors[row * scales.strides[0] + i / 128 * scales.strides[1]];
        out[row * kHidden + i] = to_bf16(from_e4m3(bytes[row * kHidden + i]) * factor);
      }
    }
  }
}

/// Prints one line; ends the program where the sums are wrong.
inline void use(const crossdock::World& world, const MyTokens& tokens, const crossdock::TensorView& y) {
  const auto* sums = static_cast<const std::uint16_t*>(y.data);
  double error = 0;
  double size = 0;
  for (std::int64_t i = 0; i < tokens.count * kHidden; ++i) {
    double weight = 0;
    for (std::int64_t k = 0; k < kTopK; ++k) {
      weight += tokens.topk_weights[static_cast<std::size_t>(i / kHidden * kTopK + k)];
    }
    const double expected = from_bf16(tokens.x[static_cast<std::size_t>(i)]) * weight;
    error += std::pow(from_bf16(sums[i]) - expected, 2);
    size += expected * expected;
  }
  const double relative = std::sqrt(error / size);
  std::printf("rank %d of %d: %d tokens came back, relative error %.3f\n", world.rank(), world.num_ranks(),
              static_cast<int>(tokens.count), relative);
  if (!(relative < 0.04)) std::exit(EXIT_FAILURE);
}
