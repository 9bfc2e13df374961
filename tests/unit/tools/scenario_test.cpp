#include "bench/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bench/footprint.hpp"
#include "bench/options.hpp"
#include "crossdock/error.hpp"
#include "numbers.hpp"

namespace crossdock::tools::bench {
namespace {

BenchOptions small_options() {
  BenchOptions options;
  options.nodes = 2;
  options.ranks_per_node = 2;
  options.hidden = 128;
  options.experts = 10;
  options.top_k = 4;
  options.tokens = 33;
  return options;
}

class EveryDtype : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryDtype, XIsFiniteAndOfModerateSize) {
  BenchOptions options = small_options();
  options.dtype = GetParam();
  const Scenario scenario = make_scenario(options, Mode::kThroughput, 8, 1);
  std::vector<std::byte> row(scenario.x_row_bytes());
  std::vector<std::byte> other(scenario.x_row_bytes());
  fill_x_row(scenario, 0, 1, 5, row);
  for (std::size_t i = 0; i < 128; ++i) {
    const float value = std::fabs(widen(scenario.x_dtype, row.data(), i));
    EXPECT_GE(value, 0x1p-7F);
    EXPECT_LT(value, 2.0F);
  }
  fill_x_row(scenario, 0, 1, 5, other);
  EXPECT_EQ(row, other);
  fill_x_row(scenario, 1, 1, 5, other);
  EXPECT_NE(row, other);
  fill_x_row(scenario, 0, 1, 6, other);
  EXPECT_NE(row, other);
}

INSTANTIATE_TEST_SUITE_P(Scenario, EveryDtype, ::testing::Values("bf16", "fp16", "fp32", "fp8"));

TEST(Scenario, PlacesExperts) {
  const Scenario scenario = make_scenario(small_options(), Mode::kThroughput, 8, 1);  // 10 experts: 3, 3, 2, 2
  EXPECT_EQ(scenario.placement().first(1), 3);
  EXPECT_EQ(scenario.placement().first(3), 8);
  EXPECT_TRUE(scenario.is_local(9, 3));
  EXPECT_FALSE(scenario.is_local(8, 2));
  EXPECT_FALSE(scenario.is_local(-1, 0));
}

TEST(Scenario, CountsAreSumsOfTheirParts) {
  for (const Mode mode : {Mode::kThroughput, Mode::kLatency}) {
    const Scenario scenario = make_scenario(small_options(), mode, 33, 1);
    for (int rank = 0; rank < 4; ++rank) {
      const RowCounts all(scenario, scenario.sets[0], rank, 0, 33);
      const RowCounts head(scenario, scenario.sets[0], rank, 0, 10);
      const RowCounts tail(scenario, scenario.sets[0], rank, 10, 33);
      EXPECT_GT(all.total(), 0);
      EXPECT_EQ(all.total(), head.total() + tail.total());
      EXPECT_EQ(all.at(0, 3), head.at(0, 3) + tail.at(0, 3));
    }
  }
}

TEST(Footprint, FitsAsItIs) {
  const FittedScenario fitted = fit_scenario(small_options(), Mode::kThroughput, std::int64_t{8} << 30);
  EXPECT_EQ(fitted.note, "");
  EXPECT_EQ(fitted.scenario.sets.size(), 2U);
}

/// A shape beside which the scratch of the copies is small.
BenchOptions large_options() {
  BenchOptions options = small_options();
  options.verify = false;
  options.hidden = 4096;
  options.tokens = 4000;
  return options;
}

TEST(Footprint, NeverLowersTokensUnasked) {
  const BenchOptions options = large_options();
  const std::int64_t whole = footprint_of(make_scenario(options, Mode::kThroughput, options.tokens, 1)).total();
  try {
    fit_scenario(options, Mode::kThroughput, whole);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("got 4000 tokens on each of 4 ranks"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--fit-memory takes fewer"));
  }
}

TEST(Footprint, LowersTokensAndSaysSo) {
  BenchOptions options = large_options();
  options.fit_memory = true;
  const std::int64_t whole = footprint_of(make_scenario(options, Mode::kThroughput, 4000, 1)).total();
  const FittedScenario fitted = fit_scenario(options, Mode::kThroughput, whole);
  EXPECT_LT(fitted.scenario.tokens, 4000);
  EXPECT_GT(fitted.scenario.tokens, 1000);
  EXPECT_THAT(fitted.note, ::testing::HasSubstr("tokens lowered from 4000 to"));
  EXPECT_THROW(fit_scenario(options, Mode::kThroughput, 100), Error);
}

TEST(Options, SayWhatIsWrong) {
  BenchOptions options = small_options();
  options.hidden = 100;
  try {
    validate(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--hidden: expected a multiple of 128, got 100"));
  }
  EXPECT_NO_THROW(validate(small_options()));
  EXPECT_NO_THROW(validate(demo_options()));
}

TEST(Options, RanksOfALauncherAreUsedOrRefused) {
  BenchOptions options;
  fit_ranks(0, options);
  EXPECT_EQ(options.num_ranks(), 4) << "none";
  options = {};
  options.nodes = 2;
  fit_ranks(6, options);
  EXPECT_EQ(options.ranks_per_node, 3);
  for (const int nodes : {4, 7, 1000}) {
    options = {};
    options.nodes = nodes;
    EXPECT_THROW(fit_ranks(6, options), Error) << nodes;
  }
  options = {};
  options.ranks_per_node = 4;
  EXPECT_THROW(fit_ranks(6, options), Error);
  options = {};
  options.threads = true;
  EXPECT_THROW(fit_ranks(6, options), Error);
}

TEST(Options, ADemoFitsWhatIsHere) {
  const auto demo_on = [](int num_gpus, int launched = 0) {
    BenchOptions demo = demo_options();
    fit_demo(num_gpus, launched, demo);
    validate(demo);
    return demo;
  };
  EXPECT_EQ(demo_on(0).nodes, 2);
  EXPECT_EQ(demo_on(0).num_ranks(), 8);
  EXPECT_FALSE(demo_on(0).threads);
  EXPECT_EQ(demo_on(1).nodes, 1);
  EXPECT_EQ(demo_on(1).num_ranks(), 4);
  EXPECT_TRUE(demo_on(1).threads) << "processes do not share a GPU";
  EXPECT_EQ(demo_on(2).num_ranks(), 2);
  EXPECT_FALSE(demo_on(2).threads);
  EXPECT_EQ(demo_on(16).num_ranks(), 8);
  EXPECT_EQ(demo_on(0, 6).nodes, 2);
  EXPECT_EQ(demo_on(0, 6).num_ranks(), 6);
  EXPECT_EQ(demo_on(0, 3).nodes, 1);
  EXPECT_EQ(demo_on(4, 4).nodes, 1);
}

}  // namespace
}  // namespace crossdock::tools::bench
