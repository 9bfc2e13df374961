#include "crossdock/gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "../float_environments.hpp"
#include "crossdock/error.hpp"

namespace crossdock {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

struct Chosen {
  std::vector<std::int32_t> experts;
  std::vector<float> weights;
};

Chosen choose(const GateConfig& config, std::vector<float> logits, std::vector<float> bias = {}) {
  const auto num_tokens = static_cast<std::int64_t>(logits.size()) / config.num_experts;
  Chosen chosen{.experts = std::vector<std::int32_t>(num_tokens * config.top_k, -7),
                .weights = std::vector<float>(num_tokens * config.top_k, -7.0F)};
  gate(config, dense_view(logits.data(), DType::kFp32, {num_tokens, config.num_experts}),
       bias.empty() ? ConstTensorView{} : ConstTensorView(dense_view(bias.data(), DType::kFp32, {config.num_experts})),
       dense_view(chosen.experts.data(), DType::kInt32, {num_tokens, config.top_k}),
       dense_view(chosen.weights.data(), DType::kFp32, {num_tokens, config.top_k}));
  return chosen;
}

GateConfig plain(int num_experts, int top_k) {
  return {.num_experts = num_experts, .top_k = top_k, .sigmoid = false, .normalize = false};
}

TEST(Gate, DescendingOrderAndTiesToTheLowerIndex) {
  const Chosen chosen = choose(plain(5, 4), {1.0F, 3.0F, 3.0F, 2.0F, 2.0F});
  EXPECT_THAT(chosen.experts, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(chosen.weights, ElementsAre(3.0F, 3.0F, 2.0F, 2.0F));
}

TEST(Gate, SeveralTokens) {
  const Chosen chosen = choose(plain(3, 1), {1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 2.0F});
  EXPECT_THAT(chosen.experts, ElementsAre(0, 2));
  EXPECT_THAT(chosen.weights, ElementsAre(1.0F, 2.0F));
}

TEST(Gate, PositiveAndNegativeZeroTie) { EXPECT_THAT(choose(plain(2, 2), {-0.0F, 0.0F}).experts, ElementsAre(0, 1)); }

TEST(Gate, NanRanksBelowEverything) {
  const float nan = std::nanf("");
  EXPECT_THAT(choose(plain(4, 3), {nan, -INFINITY, 5.0F, nan}).experts, ElementsAre(2, 1, 0));
  EXPECT_THAT(choose(plain(3, 3), {nan, nan, nan}).experts, ElementsAre(0, 1, 2));
  GateConfig sigmoid = plain(3, 2);
  sigmoid.sigmoid = true;
  EXPECT_THAT(choose(sigmoid, {nan, -200.0F, 0.0F}).experts, ElementsAre(2, 1));
}

TEST(Gate, GroupsRankByTheirTwoBest) {
  GateConfig config = plain(9, 2);
  config.num_groups = 3;
  config.top_groups = 1;
  // Sums of the two best: 5.5, 6, 5.9. The best expert is in none of the chosen groups.
  EXPECT_THAT(choose(config, {5.0F, 0.5F, 0.0F, 3.0F, 3.0F, 0.0F, 4.0F, 1.9F, 1.8F}).experts, ElementsAre(3, 4));
  config.top_groups = 2;
  EXPECT_THAT(choose(config, {5.0F, 0.5F, 0.0F, 3.0F, 3.0F, 0.0F, 4.0F, 1.9F, 1.8F}).experts, ElementsAre(6, 3));
}

TEST(Gate, GroupTiesGoToTheLowerGroupAndNanGroupsRankLast) {
  GateConfig config = plain(6, 2);
  config.num_groups = 3;
  EXPECT_THAT(choose(config, {1.0F, 2.0F, 2.0F, 1.0F, 3.0F, 0.0F}).experts, ElementsAre(1, 0));
  const float nan = std::nanf("");
  EXPECT_THAT(choose(config, {9.0F, nan, -1.0F, -2.0F, -3.0F, -4.0F}).experts, ElementsAre(2, 3));
}

TEST(Gate, GroupsOfOneExpert) {
  GateConfig config = plain(3, 2);
  config.num_groups = 3;
  config.top_groups = 2;
  EXPECT_THAT(choose(config, {1.0F, 3.0F, 2.0F}).experts, ElementsAre(1, 2));
}

TEST(Gate, BiasChoosesButDoesNotWeigh) {
  GateConfig config = plain(4, 2);
  config.route_scale = 2.0F;
  const Chosen chosen = choose(config, {0.125F, 0.25F, 0.375F, 0.5F}, {10.0F, 0.0F, 0.0F, 0.0F});
  EXPECT_THAT(chosen.experts, ElementsAre(0, 3));
  EXPECT_THAT(chosen.weights, ElementsAre(0.25F, 1.0F));
}

TEST(Gate, NormalizedSigmoidScores) {
  const GateConfig config{.num_experts = 3, .top_k = 2, .route_scale = 3.0F};
  const Chosen chosen = choose(config, {0.0F, 100.0F, -100.0F});
  EXPECT_THAT(chosen.experts, ElementsAre(1, 0));
  EXPECT_THAT(chosen.weights, ElementsAre(FloatEq(2.0F), FloatEq(1.0F)));
}

TEST(Gate, WeightsAreZeroWhereAllScoresVanish) {
  const GateConfig config{.num_experts = 4, .top_k = 3, .route_scale = 2.5F};
  const Chosen chosen = choose(config, {-200.0F, -INFINITY, -89.0F, -1e30F});
  EXPECT_THAT(chosen.experts, ElementsAre(0, 1, 2));
  EXPECT_THAT(chosen.weights, ElementsAre(0.0F, 0.0F, 0.0F));
  GateConfig given = config;  // scores that are given, of any sign
  given.sigmoid = false;
  EXPECT_THAT(choose(given, {1.0F, -1.0F, -9.0F, 0.0F}).weights, ElementsAre(0.0F, 0.0F, 0.0F));
}

TEST(Gate, TheLeastScoreThatIsLeftIsNormalized) {
  const GateConfig config{.num_experts = 3, .top_k = 3, .route_scale = 2.0F};
  EXPECT_THAT(choose(config, {-200.0F, -88.5F, -300.0F}).weights, ElementsAre(2.0F, 0.0F, 0.0F));
  const Chosen equal = choose(config, {-88.0F, -88.0F, -INFINITY});
  EXPECT_THAT(equal.experts, ElementsAre(0, 1, 2));
  EXPECT_THAT(equal.weights, ElementsAre(1.0F, 1.0F, 0.0F));
}

TEST(Gate, InfiniteLogits) {
  const GateConfig config{.num_experts = 4, .top_k = 3};
  const Chosen sigmoid = choose(config, {INFINITY, -INFINITY, INFINITY, 0.0F});
  EXPECT_THAT(sigmoid.experts, ElementsAre(0, 2, 3));
  EXPECT_THAT(sigmoid.weights, ElementsAre(0.4F, 0.4F, 0.2F));
  GateConfig given = config;
  given.sigmoid = false;
  const Chosen scores = choose(given, {INFINITY, -INFINITY, 3.0F, 0.0F});
  EXPECT_THAT(scores.experts, ElementsAre(0, 2, 3));
  EXPECT_THAT(scores.weights, ElementsAre(testing::IsNan(), 0.0F, 0.0F));
}

TEST(Gate, AChosenNanShows) {
  GateConfig config{.num_experts = 3, .top_k = 2};
  EXPECT_THAT(choose(config, {std::nanf(""), 0.0F, 0.0F}).weights, ElementsAre(0.5F, 0.5F)) << "it is not chosen";
  const Chosen all = choose(config, {std::nanf(""), 0.0F, std::nanf("")});
  EXPECT_THAT(all.experts, ElementsAre(1, 0));
  EXPECT_THAT(all.weights, ElementsAre(testing::IsNan(), testing::IsNan()));
  config.normalize = false;
  EXPECT_THAT(choose(config, {std::nanf(""), 0.0F, std::nanf("")}).weights, ElementsAre(0.5F, testing::IsNan()));
}

TEST(Gate, WritesInt64) {
  const std::vector<float> logits{0.0F, 1.0F};
  std::int64_t expert = -7;
  float weight = 0;
  gate(plain(2, 1), dense_view(logits.data(), DType::kFp32, {1, 2}), {}, dense_view(&expert, DType::kInt64, {1, 1}),
       dense_view(&weight, DType::kFp32, {1, 1}));
  EXPECT_EQ(expert, 1);
}

#if defined(__x86_64__)
TEST(Gate, OtherEnvironmentsOfTheCallerChangeNoBit) {
  const GateConfig config{.num_experts = 6, .top_k = 3, .route_scale = 2.5F};
  const std::vector<float> logits{-87.5F, -88.3F, -87.9F, -100.0F, -200.0F, -INFINITY,
                                  0.3F,   1.7F,   -3.1F,  90.0F,   5.0F,    0.1F};
  const Chosen expected = choose(config, logits);
  for (const test::NamedEnvironment& named : test::kEnvironments) {
    Chosen chosen;
    bool is_as_set = false;
    {
      const test::UnderEnvironment under(named);
      chosen = choose(config, logits);
      is_as_set = under.is_as_set();
    }
    EXPECT_TRUE(is_as_set) << named.name;
    EXPECT_EQ(chosen.experts, expected.experts) << named.name;
    EXPECT_EQ(chosen.weights, expected.weights) << named.name;
  }
}
#endif

TEST(Gate, NoTokens) { EXPECT_TRUE(choose(plain(4, 2), {}).experts.empty()); }

/// A valid call of one token; each case breaks one thing.
struct Call {
  std::vector<float> floats = std::vector<float>(64, 0.0F);
  std::vector<std::int32_t> integers = std::vector<std::int32_t>(64, 0);
  GateConfig config{.num_experts = 8, .top_k = 2, .num_groups = 2, .top_groups = 1};
  ConstTensorView logits = dense_view(floats.data(), DType::kFp32, {1, 8});
  ConstTensorView bias = dense_view(floats.data() + 16, DType::kFp32, {8});
  TensorView topk_idx = dense_view(integers.data(), DType::kInt32, {1, 2});
  TensorView topk_weights = dense_view(floats.data() + 32, DType::kFp32, {1, 2});
};

/// `what` with or without what is expected of it.
void expect_rejected(const std::string& what, const std::function<void(Call&)>& damage) {
  Call call;
  damage(call);
  try {
    gate(call.config, call.logits, call.bias, call.topk_idx, call.topk_weights);
    ADD_FAILURE() << what << " was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("gate: " + what));
    EXPECT_THAT(error.what(), HasSubstr(": expected "));
  }
}

TEST(Gate, AcceptsTheCallThatTheCasesBelowDamage) {
  const Call call;
  EXPECT_NO_THROW(gate(call.config, call.logits, call.bias, call.topk_idx, call.topk_weights));
}

TEST(Gate, RejectsConfigurations) {
  expect_rejected("num_experts", [](Call& call) { call.config.num_experts = 0; });
  expect_rejected("num_groups", [](Call& call) { call.config.num_groups = 3; });
  expect_rejected("num_groups", [](Call& call) { call.config.num_groups = 0; });
  expect_rejected("top_groups", [](Call& call) { call.config.top_groups = 3; });
  expect_rejected("top_groups", [](Call& call) { call.config.top_groups = 0; });
  expect_rejected("top_k", [](Call& call) { call.config.top_k = 0; });
  expect_rejected("top_k", [](Call& call) { call.config.top_k = 5; });
}

TEST(Gate, RejectsTensors) {
  expect_rejected("logits", [](Call& call) { call.logits = {}; });
  expect_rejected("logits", [](Call& call) { call.logits.shape[1] = 7; });
  expect_rejected("logits", [](Call& call) { call.logits.dtype = DType::kBf16; });
  expect_rejected("logits", [](Call& call) { call.logits.strides[1] = 2; });
  expect_rejected("logits", [](Call& call) { call.logits.data = nullptr; });
  expect_rejected("bias", [](Call& call) { call.bias.shape[0] = 7; });
  expect_rejected("bias", [](Call& call) { call.bias.data = nullptr; });
  expect_rejected("topk_idx", [](Call& call) { call.topk_idx.dtype = DType::kFp32; });
  expect_rejected("topk_idx", [](Call& call) { call.topk_idx.shape[0] = 2; });
  expect_rejected("topk_weights", [](Call& call) { call.topk_weights.shape[1] = 3; });
  expect_rejected("topk_weights", [](Call& call) { call.topk_weights = {}; });
  expect_rejected("logits: expected 0 to 3 dimensions, got 4", [](Call& call) { call.logits.num_dims = 4; });
  expect_rejected("topk_idx: expected bf16, fp16, fp32, fp8, int32 or int64, got value 200",
                  [](Call& call) { call.topk_idx.dtype = static_cast<DType>(200); });
  expect_rejected("bias: expected sizes that are not negative and fit memory, got fp32 [-4]",
                  [](Call& call) { call.bias.shape[0] = -4; });
}

TEST(Gate, RejectsOutputsThatOverlap) {
  expect_rejected("topk_idx: expected memory apart from that of logits",
                  [](Call& call) { call.topk_idx.data = const_cast<void*>(call.logits.data); });
  expect_rejected("topk_weights: expected memory apart from that of logits",
                  [](Call& call) { call.topk_weights.data = const_cast<void*>(call.logits.data); });
  expect_rejected("topk_weights: expected memory apart from that of bias",
                  [](Call& call) { call.topk_weights.data = const_cast<void*>(call.bias.data); });
  expect_rejected("topk_weights: expected memory apart from that of topk_idx",
                  [](Call& call) { call.topk_weights.data = call.topk_idx.data; });
}

}  // namespace
}  // namespace crossdock
