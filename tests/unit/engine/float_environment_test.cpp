// One rank of two has another floating-point environment than the other: both have the bits of the reference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../float_environments.hpp"

#if defined(__x86_64__)

#include <cstring>
#include <deque>
#include <random>
#include <string>

#include "run_ranks.hpp"
#include "tokens.hpp"

namespace crossdock::test {
namespace {

constexpr int kRanks = 2;

/// Half of the numbers are subnormal or just above it.
class Numbers {
 public:
  ConstTensorView make(DType dtype, std::initializer_list<std::int64_t> shape) {
    const ConstTensorView view = dense_view(static_cast<const void*>(nullptr), dtype, shape);
    std::vector<std::byte>& bytes = memory_.emplace_back(view.num_bytes());
    for (std::size_t at = 0; at < bytes.size(); at += size_of(dtype)) {
      const std::uint32_t word = draw(dtype);
      std::memcpy(&bytes[at], &word, size_of(dtype));
    }
    return dense_view(static_cast<const void*>(bytes.data()), dtype, shape);
  }

  ConstTensorView experts(std::initializer_list<std::int64_t> shape) {
    const ConstTensorView view = dense_view(static_cast<const void*>(nullptr), DType::kInt32, shape);
    std::vector<std::byte>& bytes = memory_.emplace_back(view.num_bytes());
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::int32_t)) {
      const auto expert = static_cast<std::int32_t>(random_() % (kExperts + 1)) - 1;
      std::memcpy(&bytes[at], &expert, sizeof expert);
    }
    return dense_view(static_cast<const void*>(bytes.data()), DType::kInt32, shape);
  }

 private:
  std::uint32_t draw(DType dtype) {
    const auto bits = static_cast<std::uint32_t>(random_());
    const bool tiny = random_() % 2 == 0;
    switch (dtype) {
      case DType::kBf16:
        return (bits & 0x807F) | (tiny ? bits >> 16 & 0x80 : 0x3F80);
      case DType::kFp16:
        return (bits & 0x83FF) | (tiny ? bits >> 16 & 0x400 : 0x3C00);
      case DType::kFp8E4m3:
        return bits & 0xBF;
      default:
        return (bits & 0x807F'FFFF) | (tiny ? bits >> 7 & 0x80'0000 : 0x3F80'0000);
    }
  }

  std::mt19937 random_{20261128};
  std::deque<std::vector<std::byte>> memory_;
};

struct Call {
  std::string name;
  reference::Problem problem = {};
  std::vector<DispatchInput> inputs = {};
  DispatchOptions options = {};
  CombineOptions combine_options = {};
  std::vector<CombineInput> combines = {};
  std::vector<reference::Dispatched> dispatched = {};
  std::vector<reference::Combined> combined = {};

  std::vector<reference::Dispatched> dispatch() const {
    return reference::dispatch(problem, inputs, std::vector<DispatchOptions>(kRanks, options));
  }
  std::vector<reference::Combined> combine() const {
    return reference::combine(problem, inputs, std::vector<DispatchOptions>(kRanks, options), combines,
                              combine_options);
  }
};

struct Type {
  DType x;
  Quantize quantize;
  DType wire;
  DType out;
};
constexpr Type kTypes[] = {
    {DType::kBf16, Quantize::kNone, DType::kBf16, DType::kBf16},
    {DType::kFp16, Quantize::kNone, DType::kFp16, DType::kFp32},
    {DType::kFp32, Quantize::kNone, DType::kFp32, DType::kFp16},
    {DType::kFp32, Quantize::kNone, DType::kBf16, DType::kFp32},
    {DType::kFp8E4m3, Quantize::kNone, DType::kBf16, DType::kBf16},
    {DType::kBf16, Quantize::kFp8, DType::kBf16, DType::kFp32},
    {DType::kFp16, Quantize::kFp8PowerOfTwo, DType::kFp16, DType::kBf16},
    {DType::kFp32, Quantize::kFp8Ue8m0, DType::kFp32, DType::kFp32},
};

/// The trees of one node, or that of a node a rank.
std::vector<ReductionTree> trees_of(Layout layout, bool many_nodes) {
  if (many_nodes) return {ReductionTree::kHierarchical};
  if (layout == Layout::kFlat) return {ReductionTree::kPerRank};
  return {ReductionTree::kPerRank, ReductionTree::kPerSelection};
}

Call make_call(const Type& type, Layout layout, ReductionTree tree, bool many_nodes, Numbers& numbers) {
  Call call{.name = std::string(name_of(layout)) + " " + std::string(name_of(tree)) + " " +
                    std::string(name_of(type.x)) + " " + std::string(name_of(type.quantize)),
            .problem = {.num_ranks = kRanks,
                        .ranks_per_node = many_nodes ? 1 : 0,
                        .num_experts = kExperts,
                        .latency_max_tokens = kTokens},
            .options = {.layout = layout, .tree = tree, .quantize = type.quantize},
            .combine_options = {.wire_dtype = type.wire, .out_dtype = type.out}};
  for (int rank = 0; rank < kRanks; ++rank) {
    call.inputs.push_back({.x = numbers.make(type.x, {kTokens, kHidden}),
                           .topk_idx = numbers.experts({kTokens, kTopK}),
                           .topk_weights = numbers.make(DType::kFp32, {kTokens, kTopK})});
    if (type.x == DType::kFp8E4m3) call.inputs.back().scales = numbers.make(DType::kFp32, {kTokens, 1});
  }
  call.dispatched = call.dispatch();
  for (const reference::Dispatched& rank : call.dispatched) {
    const std::vector<std::int64_t>& shape = rank.x.shape;
    const DType rows = type.wire;
    call.combines.push_back({.x = shape.size() == 3 ? numbers.make(rows, {shape[0], shape[1], shape[2]})
                                                    : numbers.make(rows, {shape[0], shape[1]}),
                             .bias0 = numbers.make(DType::kFp32, {kTokens, kHidden})});
  }
  call.combined = call.combine();
  return call;
}

std::vector<Call> make_calls(bool many_nodes, Numbers& numbers) {
  std::vector<Call> calls;
  for (const Type& type : kTypes) {
    for (const Layout layout : {Layout::kFlat, Layout::kExpertContiguous, Layout::kExpertPadded}) {
      for (const ReductionTree tree : trees_of(layout, many_nodes)) {
        calls.push_back(make_call(type, layout, tree, many_nodes, numbers));
      }
    }
  }
  return calls;
}

/// Every byte but those that nobody writes.
bool same(const ConstTensorView& got, const reference::Tensor& want) {
  const auto* bytes = static_cast<const std::byte*>(got.data);
  for (std::size_t i = 0; i < want.bytes.size(); ++i) {
    if (want.bytes[i] != reference::kPoison && bytes[i] != want.bytes[i]) return false;
  }
  return true;
}

/// What `call` returns; the environment is the caller's before and after it.
template <typename Function>
auto under(const NamedEnvironment& environment, Function&& call) {
  const UnderEnvironment under(environment);
  auto result = call();
  EXPECT_TRUE(under.is_as_set()) << environment.name;
  return result;
}

void expect_the_bits_of_the_reference(Group& group, const Call& call, const NamedEnvironment& environment) {
  SCOPED_TRACE(testing::Message() << call.name << ", rank " << group.rank() << ": " << environment.name);
  const auto rank = static_cast<std::size_t>(group.rank());
  const DispatchResult rows = under(environment, [&] { return group.dispatch(call.inputs[rank], call.options); });
  EXPECT_TRUE(same(rows.x, call.dispatched[rank].x)) << "x";
  EXPECT_TRUE(same(rows.scales, call.dispatched[rank].scales)) << "scales";
  EXPECT_TRUE(same(rows.topk_weights, call.dispatched[rank].topk_weights)) << "topk_weights";
  const CombineResult result =
      under(environment, [&] { return group.combine(rows.handle, call.combines[rank], call.combine_options); });
  EXPECT_TRUE(same(result.y, call.combined[rank].y)) << "y";
}

/// The reference, asked again.
void expect_the_same_again(const Call& call, const NamedEnvironment& environment) {
  SCOPED_TRACE(call.name);
  const auto dispatched = under(environment, [&] { return call.dispatch(); });
  const auto combined = under(environment, [&] { return call.combine(); });
  for (std::size_t rank = 0; rank < kRanks; ++rank) {
    EXPECT_EQ(dispatched[rank].x.bytes, call.dispatched[rank].x.bytes);
    EXPECT_EQ(dispatched[rank].scales.bytes, call.dispatched[rank].scales.bytes);
    EXPECT_EQ(combined[rank].y.bytes, call.combined[rank].y.bytes);
  }
}

class FloatEnvironment : public testing::TestWithParam<NamedEnvironment> {
 protected:
  /// Rank 1 has the environment, while its group is made too: threads inherit it.
  const NamedEnvironment& of_rank(int rank) const {
    static constexpr NamedEnvironment kDefault{.name = "default", .mxcsr = 0x1F80};
    return rank == 1 ? GetParam() : kDefault;
  }
};

TEST_P(FloatEnvironment, OfOneRankChangesNoBit) {
  Numbers numbers;
  for (const bool many_nodes : {false, true}) {
    const std::vector<Call> calls = make_calls(many_nodes, numbers);
    run_ranks(kRanks, [&](const World& world) {
      GroupConfig config = small_config(std::chrono::seconds(60));
      config.latency_max_tokens = kTokens;
      config.ranks_per_node = many_nodes ? 1 : 0;
      config.num_threads = 3;
      Group group = under(of_rank(world.rank()), [&] { return Group(world, config); });
      for (const Call& call : calls) expect_the_bits_of_the_reference(group, call, of_rank(world.rank()));
    });
  }
}

TEST_P(FloatEnvironment, ChangesNoBitOfTheReference) {
  Numbers numbers;
  for (const bool many_nodes : {false, true}) {
    for (const Call& call : make_calls(many_nodes, numbers)) expect_the_same_again(call, GetParam());
  }
}

TEST_P(FloatEnvironment, IsBackWhenAnErrorLeaves) {
  run_ranks(kRanks, [&](const World& world) {
    Group group(world, small_config(std::chrono::seconds(60)));
    const RankTokens tokens = tokens_of(world);
    DispatchInput input = tokens.input();
    if (world.rank() == 0) input.topk_idx.shape[1] = kTopK - 1;  // no longer that of the weights, nor dense
    const std::optional<Error> error =
        under(of_rank(world.rank()), [&] { return error_of([&] { group.dispatch(input); }); });
    ASSERT_TRUE(error.has_value());
  });
}

INSTANTIATE_TEST_SUITE_P(Environments, FloatEnvironment, testing::ValuesIn(kEnvironments), [](const auto& environment) {
  std::string name;
  for (const char c : std::string(environment.param.name)) name += c >= 'a' ? c : '_';
  return name;
});

}  // namespace
}  // namespace crossdock::test

#endif
