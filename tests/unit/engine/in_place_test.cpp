// Combine into the memory of an input: of a bias it is defined, of any other input refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/numeric/convert.hpp"
#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

constexpr int kRanks = 2;

struct Case {
  Layout layout;
  ReductionTree tree;
  DType rows;  ///< of x and y, and of the bias
  int hidden;
};

std::string name_of_case(const Case& one) {
  return std::string(name_of(one.layout)) + "_" + std::string(name_of(one.tree)) + "_" +
         std::string(name_of(one.rows)) + "_" + std::to_string(one.hidden);
}

/// Numbers in a type.
std::vector<std::byte> rows_of(DType dtype, int rows, int hidden, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-2.0F, 2.0F);
  std::vector<float> numbers(static_cast<std::size_t>(rows) * static_cast<std::size_t>(hidden));
  for (float& number : numbers) number = value(random);
  std::vector<std::byte> bytes(numbers.size() * size_of(dtype));
  core::store_row(bytes.data(), dtype, numbers.size(), numbers.data());
  return bytes;
}

/// y of rank 0 where out_y is memory of its own, and where it is a bias's.
class InPlace : public testing::TestWithParam<Case> {
 protected:
  static DispatchInput input_of(const RankTokens& tokens, const std::vector<std::byte>& x) {
    DispatchInput input = tokens.input();
    input.x = dense_view(static_cast<const void*>(x.data()), GetParam().rows, {kTokens, GetParam().hidden});
    input.topk_weights = {};
    return input;
  }
};

TEST_P(InPlace, OutYMayBeABias) {
  const Case& one = GetParam();
  run_ranks(kRanks, [&](const World& world) {
    GroupConfig config = small_config(std::chrono::seconds(20));
    config.num_threads = 2;
    config.hidden = one.hidden;
    Group group(world, config);
    const RankTokens tokens = make_tokens(world.rank(), kTokens, 1, kTopK, kExperts);
    const auto x = rows_of(one.rows, kTokens, one.hidden, 1);
    const auto bias = rows_of(one.rows, kTokens, one.hidden, 2);
    const auto other = rows_of(DType::kFp32, kTokens, one.hidden, 3);
    const DispatchResult result = group.dispatch(input_of(tokens, x), {.layout = one.layout, .tree = one.tree});
    std::vector<std::byte> memory(bias.size());
    const TensorView y = dense_view(memory.data(), one.rows, {kTokens, one.hidden});
    const ConstTensorView separate = dense_view(static_cast<const void*>(bias.data()), one.rows, {kTokens, one.hidden});
    const ConstTensorView second =
        dense_view(static_cast<const void*>(other.data()), DType::kFp32, {kTokens, one.hidden});

    const auto combine = [&](const ConstTensorView& bias0, const ConstTensorView& bias1) {
      memory = bias;
      group.combine(result.handle, {.x = result.x, .bias0 = bias0, .bias1 = bias1}, {.out_y = y});
      return memory;
    };
    EXPECT_EQ(combine(y, {}), combine(separate, {})) << "bias0 alone";
    EXPECT_EQ(combine(y, second), combine(separate, second)) << "bias0";
    EXPECT_EQ(combine(second, y), combine(second, separate)) << "bias1";
    EXPECT_EQ(combine(y, y), combine(separate, separate)) << "both";
  });
}

// Rows of whole vectors and of parts of one, of 4 to 16 lanes.
INSTANTIATE_TEST_SUITE_P(Shapes, InPlace,
                         testing::Values(Case{Layout::kFlat, ReductionTree::kPerRank, DType::kBf16, 128},
                                         Case{Layout::kFlat, ReductionTree::kPerRank, DType::kBf16, 8},
                                         Case{Layout::kFlat, ReductionTree::kPerRank, DType::kBf16, 24},
                                         Case{Layout::kFlat, ReductionTree::kPerRank, DType::kFp32, 20},
                                         Case{Layout::kFlat, ReductionTree::kHierarchical, DType::kFp32, 12},
                                         Case{Layout::kFlat, ReductionTree::kPerRank, DType::kFp16, 24},
                                         Case{Layout::kExpertContiguous, ReductionTree::kPerRank, DType::kBf16, 40},
                                         Case{Layout::kExpertContiguous, ReductionTree::kPerSelection, DType::kBf16,
                                              24},
                                         Case{Layout::kExpertPadded, ReductionTree::kPerRank, DType::kBf16, 56},
                                         Case{Layout::kExpertPadded, ReductionTree::kPerSelection, DType::kFp32, 28}),
                         [](const auto& one) { return name_of_case(one.param); });

// A token a rank's own expert would overwrite before it is read.
TEST(InPlaceOfRows, IsRefusedAndNothingIsLost) {
  run_ranks(1, [](const World& world) {
    Group group(world, {.num_experts = 4, .top_k = 1, .hidden = 4, .max_tokens = 4, .element_bytes = 4});
    const std::vector<float> x{1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
    const std::vector<std::int32_t> experts{3, 2, 1, 0};
    const DispatchResult result =
        group.dispatch({.x = dense_view(static_cast<const void*>(x.data()), DType::kFp32, {4, 4}),
                        .topk_idx = dense_view(static_cast<const void*>(experts.data()), DType::kInt32, {4, 1})},
                       {.layout = Layout::kExpertContiguous});
    EXPECT_ERROR(
        group.combine(result.handle, {.x = result.x}, {.out_y = result.x}), ErrorCode::kInvalidArgument,
        "combine, rank 0: out_y: expected memory apart from that of x, got fp32 [4, 4] that overlaps fp32 [4, 4]");
    std::vector<float> y(x.size());
    group.combine(result.handle, {.x = result.x}, {.out_y = dense_view(y.data(), DType::kFp32, {4, 4})});
    EXPECT_EQ(y, x);
  });
}

}  // namespace
}  // namespace crossdock::test
