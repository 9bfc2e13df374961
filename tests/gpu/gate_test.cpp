// The gate on the GPU: the bits of crossdock::gate.
#include "crossdock/gate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <limits>
#include <random>

#include "harness/device_buffer.hpp"
#include "harness/node.hpp"
#include "kernels/gate/gate.hpp"

namespace crossdock::gpu {
namespace {

struct Draw {
  GateConfig config;
  int tokens = 0;
  bool with_bias = false;
  std::vector<float> logits = {};
  std::vector<float> bias = {};
};

/// Few different values make ties; some are no numbers. Of very low ones the sigmoid is tiny, or 0.
enum class Kind : std::uint8_t { kFine, kCoarse, kVeryLow };
float draw_logit(Kind kind, std::mt19937& random) {
  if (random() % 200 == 0) return std::numeric_limits<float>::quiet_NaN();
  if (random() % 200 == 0) return std::numeric_limits<float>::infinity() * (random() % 2 == 0 ? 1.0F : -1.0F);
  if (kind == Kind::kVeryLow) return std::normal_distribution<float>(-95, 8)(random);
  if (kind == Kind::kCoarse)
    return static_cast<float>(static_cast<int>(random() % 5) - 2) * (random() % 2 == 0 ? 1.0F : -1.0F);
  return std::normal_distribution<float>(0, 8)(random);
}

Draw draw(std::mt19937& random) {
  struct Shape {
    int experts, groups, top_groups, top_k;
  };
  static constexpr std::array<Shape, 9> kShapes{{{1, 1, 1, 1},
                                                 {8, 1, 1, 2},
                                                 {60, 1, 1, 4},
                                                 {64, 8, 3, 6},
                                                 {256, 8, 4, 8},
                                                 {384, 1, 1, 8},
                                                 {96, 48, 40, 32},
                                                 {64, 64, 20, 16},
                                                 {1024, 32, 5, 32}}};
  const Shape shape = kShapes[random() % kShapes.size()];
  Draw result{.config = {.num_experts = shape.experts,
                         .top_k = shape.top_k,
                         .num_groups = shape.groups,
                         .top_groups = shape.top_groups,
                         .sigmoid = random() % 3 != 0,
                         .normalize = random() % 2 == 0,
                         .route_scale = random() % 2 == 0 ? 1.0F : 2.5F},
              .tokens = static_cast<int>(random() % 300),
              .with_bias = random() % 2 == 0};
  const Kind kind = static_cast<Kind>(random() % 3);
  for (int i = 0; i < result.tokens * shape.experts; ++i) result.logits.push_back(draw_logit(kind, random));
  for (int i = 0; i < shape.experts; ++i) result.bias.push_back(std::normal_distribution<float>()(random));
  return result;
}

template <typename Index>
void expect_equal(const Draw& d) {
  const GateConfig& config = d.config;
  const auto count = static_cast<std::size_t>(d.tokens * config.top_k);
  std::vector<Index> idx(count);
  std::vector<float> weights(count);
  const DType dtype = sizeof(Index) == 8 ? DType::kInt64 : DType::kInt32;
  gate(config, dense_view(static_cast<const void*>(d.logits.data()), DType::kFp32, {d.tokens, config.num_experts}),
       d.with_bias ? dense_view(static_cast<const void*>(d.bias.data()), DType::kFp32, {config.num_experts})
                   : ConstTensorView{},
       dense_view(static_cast<void*>(idx.data()), dtype, {d.tokens, config.top_k}),
       dense_view(static_cast<void*>(weights.data()), DType::kFp32, {d.tokens, config.top_k}));

  const DeviceBuffer logits = DeviceBuffer::copy_of(d.logits);
  const DeviceBuffer bias = DeviceBuffer::copy_of(d.bias);
  const DeviceBuffer out_idx(count * sizeof(Index));
  const DeviceBuffer out_weights(count * sizeof(float));
  kernels::launch_gate({.num_experts = config.num_experts,
                        .top_k = config.top_k,
                        .num_groups = config.num_groups,
                        .top_groups = config.top_groups,
                        .sigmoid = config.sigmoid,
                        .normalize = config.normalize,
                        .route_scale = config.route_scale,
                        .num_tokens = d.tokens,
                        .logits = logits.as<float>(),
                        .bias = d.with_bias ? bias.as<float>() : nullptr,
                        .topk_idx = out_idx.as<void>(),
                        .idx_is_64 = sizeof(Index) == 8,
                        .topk_weights = out_weights.as<float>()},
                       5, nullptr);
  EXPECT_EQ(read_back<Index>(out_idx.as<void>(), count), idx);
  const auto got = read_back<float>(out_weights.as<void>(), count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool both_nan = got[i] != got[i] && weights[i] != weights[i];
    ASSERT_TRUE(both_nan || std::bit_cast<std::uint32_t>(got[i]) == std::bit_cast<std::uint32_t>(weights[i]))
        << i << ": expected " << weights[i] << ", got " << got[i];
  }
}

TEST(Gate, ScoresThatVanishHaveTheBitsOfTheCpu) {
  if (num_devices() == 0) GTEST_SKIP() << "no GPU";
  kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
  kernels::load_gate();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  Draw draw{
      .config = {.num_experts = 4, .top_k = 3, .route_scale = 2.5F},
      .tokens = 6,
      .logits = {-200, -89,       -1e30F, -kInfinity, -200, -88.5F, -300, -89,  -88,  -88,       -kInfinity, -90,
                 0,    kInfinity, -200,   kInfinity,  kNan, -200,   kNan, -300, kNan, kInfinity, -kInfinity, kNan}};
  expect_equal<std::int32_t>(draw);
  draw.config.sigmoid = false;
  draw.logits = {1, -1, -9, 0, 0, 0, 0, 0, kInfinity, -kInfinity, 3, 0, 2, -2, 0, -0.0F, 1, 1, 1, 1, 5, -5, 1, -1};
  expect_equal<std::int32_t>(draw);
}

TEST(Gate, RandomShapesHaveTheBitsOfTheCpu) {
  if (num_devices() == 0) GTEST_SKIP() << "no GPU";
  kernels::check_cuda(cudaSetDevice(0), "cudaSetDevice");
  kernels::load_gate();
  std::mt19937 random(20260300);
  for (int i = 0; i < 60; ++i) {
    const Draw d = draw(random);
    SCOPED_TRACE(testing::Message() << "case " << i << ": " << d.config.num_experts << " experts, "
                                    << d.config.num_groups << " groups, " << d.tokens << " tokens");
    expect_equal<std::int32_t>(d);
    expect_equal<std::int64_t>(d);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace crossdock::gpu
