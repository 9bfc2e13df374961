#include "bench/verify.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "bench/experts.hpp"
#include "crossdock/group.hpp"
#include "launch/launch.hpp"

namespace crossdock::tools::bench {
namespace {

void ignore_progress(double) {}

/// "ready fp8" is fp8 with scales before dispatch.
BenchOptions options_of(const std::string& dtype, const std::string& layout) {
  BenchOptions options;
  options.ready = dtype == "ready fp8";
  options.nodes = 2;
  options.ranks_per_node = 1;
  options.tokens = 6;
  options.hidden = 128;
  options.experts = 5;
  options.top_k = 3;
  options.dtype = options.ready ? "fp8" : dtype;
  options.layout = layout;
  return options;
}

/// What a rank passes to the library, made from the numbers alone.
struct Inputs {
  std::vector<std::byte> x;
  std::vector<float> scales;
  DispatchInput views;
};

Inputs inputs_of(const Scenario& scenario, int rank) {
  Inputs inputs;
  inputs.x.resize(static_cast<std::size_t>(scenario.tokens) * scenario.x_row_bytes());
  for (std::int64_t token = 0; token < scenario.tokens; ++token) {
    fill_x_row(
        scenario, 0, rank, token,
        std::span(inputs.x).subspan(static_cast<std::size_t>(token) * scenario.x_row_bytes(), scenario.x_row_bytes()));
  }
  const auto words = static_cast<std::size_t>(scenario.scale_words());
  inputs.scales.resize(static_cast<std::size_t>(scenario.tokens) * words);
  for (std::int64_t token = 0; words > 0 && token < scenario.tokens; ++token) {
    fill_scales_row(scenario, 0, rank, token,
                    std::span(inputs.scales).subspan(static_cast<std::size_t>(token) * words, words));
  }
  const Routing& routing = scenario.sets[0];
  const std::size_t first = routing.at(rank, 0);
  const void* x = inputs.x.data();
  const void* experts = routing.experts.data() + first;
  const void* weights = routing.weights.data() + first;
  inputs.views = {.x = dense_view(x, scenario.x_dtype, {scenario.tokens, scenario.hidden}),
                  .topk_idx = dense_view(experts, DType::kInt32, {scenario.tokens, routing.top_k}),
                  .topk_weights = dense_view(weights, DType::kFp32, {scenario.tokens, routing.top_k})};
  const void* scales = inputs.scales.data();
  if (words > 0) {
    inputs.views.scales = dense_view(scales, DType::kFp32, {scenario.tokens, static_cast<std::int64_t>(words)});
  }
  return inputs;
}

/// Turns a bit of every `step`-th byte in turn; each has to be found.
template <typename Verify>
void expect_every_byte_counts(const TensorView& tensor, std::size_t bytes, const Verify& verify) {
  auto* memory = static_cast<std::byte*>(tensor.data);
  for (std::size_t i = 0; i < bytes; i += 61) {
    memory[i] ^= std::byte{4};
    EXPECT_GT(verify(), 0U) << "byte " << i << " of " << describe(tensor);
    memory[i] ^= std::byte{4};
  }
}

void check_dispatch(const Scenario& scenario, int rank, DispatchResult& result) {
  const auto differences = [&] { return verify_dispatch(scenario, 0, rank, result, ignore_progress).differences(); };
  ASSERT_EQ(differences(), 0U);
  const bool padded = scenario.layout == Layout::kExpertPadded;
  for (const TensorView& tensor :
       {result.x, result.scales, result.topk_weights, result.topk_idx, result.row_expert, result.source,
        result.tokens_per_expert, result.expert_offsets, result.source_count, result.source_begin}) {
    if (!tensor.given()) continue;
    // of an expert's static rows the first ones are in use; here it is the first expert's first row
    const bool static_rows = padded && tensor.num_dims >= 2 && tensor.shape[1] == scenario.num_ranks * scenario.tokens;
    const std::int64_t rows = static_rows ? tensor.shape[0] * tensor.shape[1] : 1;
    expect_every_byte_counts(tensor, tensor.num_bytes() / static_cast<std::size_t>(rows), differences);
  }
  result.num_rows += 1;
  EXPECT_GT(differences(), 0U);
}

void check_rank(const Scenario& scenario, const World& world) {
  Group group(world, scenario.config);
  const int rank = group.rank();
  const Inputs inputs = inputs_of(scenario, rank);
  DispatchResult result = group.dispatch(inputs.views, scenario.dispatch_options());
  const auto& s = result.x.shape;
  const Group::Allocation rows = result.x.num_dims == 3 ? group.allocate(scenario.combine_dtype, {s[0], s[1], s[2]})
                                                        : group.allocate(scenario.combine_dtype, {s[0], s[1]});
  apply_experts(scenario, rank, result, rows.view);
  const CombineResult combined = group.combine(result.handle, {.x = rows.view});
  const auto differences = [&] { return verify_combine(scenario, 0, rank, combined, ignore_progress).differences(); };
  ASSERT_EQ(differences(), 0U);
  expect_every_byte_counts(combined.y, combined.y.num_bytes(), differences);
  check_dispatch(scenario, rank, result);
}

struct Parameters {
  Mode mode;
  const char* dtype;
  const char* layout;
};

class Verify : public ::testing::TestWithParam<Parameters> {};

TEST_P(Verify, FindsEveryByte) {
  const auto [mode, dtype, layout] = GetParam();
  const Scenario scenario = make_scenario(options_of(dtype, layout), mode, 6, 1);
  const LaunchResult result =
      launch({.num_ranks = 2, .threads = true}, [&](const World& world, Rendezvous&) { check_rank(scenario, world); });
  for (const RankFailure& failure : result.failures) ADD_FAILURE() << failure.message;
}

INSTANTIATE_TEST_SUITE_P(Bench, Verify,
                         ::testing::Values(Parameters{Mode::kThroughput, "fp8", "flat"},
                                           Parameters{Mode::kThroughput, "ready fp8", "contiguous"},
                                           Parameters{Mode::kThroughput, "bf16", "contiguous"},
                                           Parameters{Mode::kThroughput, "fp32", "flat"},
                                           Parameters{Mode::kLatency, "fp8", "flat"},
                                           Parameters{Mode::kLatency, "fp16", "flat"}));

TEST(Tally, CountsAndRemembersTheFirst) {
  Tally tally;
  const unsigned char expected[] = {1, 2, 3, 4};
  const unsigned char got[] = {1, 9, 3, 8};
  tally.compare("x", got, expected, sizeof(got));
  tally.compare_number("rows", 3, 3);
  EXPECT_EQ(tally.bytes(), 12U);
  EXPECT_EQ(tally.differences(), 2U);
  EXPECT_EQ(tally.first(), "x, byte 1: expected 0x02, got 0x09");
}

}  // namespace
}  // namespace crossdock::tools::bench
