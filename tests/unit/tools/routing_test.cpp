#include "bench/routing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <set>

#include "crossdock/error.hpp"

namespace crossdock::tools::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RoutingOptions options_of(const std::string& kind) {
  return {.kind = kind, .num_ranks = 3, .tokens = 200, .top_k = 4, .num_experts = 32, .groups = 8, .topk_groups = 2};
}

std::vector<std::int32_t> token_of(const Routing& routing, int rank, std::int64_t token) {
  const auto begin = routing.experts.begin() + static_cast<std::ptrdiff_t>(routing.at(rank, token));
  return {begin, begin + routing.top_k};
}

std::map<std::int32_t, int> counts_of(const Routing& routing) {
  std::map<std::int32_t, int> counts;
  for (const std::int32_t expert : routing.experts) ++counts[expert];
  return counts;
}

std::string message_of(const RoutingOptions& options) {
  try {
    make_routing(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class EveryRouting : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryRouting, ChoosesDistinctExpertsInRange) {
  const Routing routing = make_routing(options_of(GetParam()));
  ASSERT_EQ(routing.experts.size(), 3U * 200U * 4U);
  for (int rank = 0; rank < 3; ++rank) {
    for (std::int64_t token = 0; token < 200; ++token) {
      const auto row = token_of(routing, rank, token);
      EXPECT_EQ(std::set<std::int32_t>(row.begin(), row.end()).size(), row.size());
      EXPECT_THAT(row, ::testing::Each(::testing::AllOf(::testing::Ge(0), ::testing::Lt(32))));
    }
  }
}

TEST_P(EveryRouting, FewerTokensArePrefixes) {
  RoutingOptions options = options_of(GetParam());
  const Routing whole = make_routing(options);
  options.tokens = 17;
  const Routing fewer = make_routing(options);
  for (int rank = 0; rank < 3; ++rank) {
    for (std::int64_t token = 0; token < 17; ++token) {
      EXPECT_EQ(token_of(fewer, rank, token), token_of(whole, rank, token));
    }
  }
}

TEST_P(EveryRouting, SeedsAndRanksDiffer) {
  RoutingOptions options = options_of(GetParam());
  const Routing first = make_routing(options);
  EXPECT_NE(token_of(first, 0, 0), token_of(first, 1, 1));
  options.seed = 2;
  EXPECT_NE(make_routing(options).experts, first.experts);
  EXPECT_EQ(make_routing(options).experts, make_routing(options).experts);
}

TEST_P(EveryRouting, WeightsArePositiveAndSumToOne) {
  const Routing routing = make_routing(options_of(GetParam()));
  for (std::size_t token = 0; token < 600; ++token) {
    const float* row = routing.weights.data() + token * 4;
    EXPECT_GT(*std::min_element(row, row + 4), 0.0F);
    EXPECT_NEAR(std::accumulate(row, row + 4, 0.0F), 1.0F, 1e-5F);
  }
}

INSTANTIATE_TEST_SUITE_P(Routing, EveryRouting, ::testing::Values("uniform", "zipf:1.2", "khot:6", "gate"));

TEST(Routing, UniformReachesAllExpertsAlike) {
  const auto counts = counts_of(make_routing(options_of("uniform")));
  ASSERT_EQ(counts.size(), 32U);
  for (const auto& [expert, count] : counts) EXPECT_NEAR(count, 75, 45) << expert;
}

TEST(Routing, ZipfIsSkewed) {
  std::vector<int> counts;
  for (const auto& [expert, count] : counts_of(make_routing(options_of("zipf:1.5")))) counts.push_back(count);
  std::ranges::sort(counts, std::greater<>());
  EXPECT_GT(counts[0], 400);  // chosen by most of the 600 tokens
  EXPECT_LT(counts.back(), 50);
}

TEST(Routing, KhotUsesItsExpertsOnly) { EXPECT_EQ(counts_of(make_routing(options_of("khot:6"))).size(), 6U); }

TEST(Routing, KhotBelowTopKRepeats) {
  const Routing routing = make_routing(options_of("khot:2"));
  EXPECT_EQ(counts_of(routing).size(), 2U);
  const auto row = token_of(routing, 0, 0);
  EXPECT_EQ(row[0], row[2]);
  EXPECT_EQ(row[1], row[3]);
}

TEST(Routing, GateStaysInItsGroups) {
  const Routing routing = make_routing(options_of("gate"));
  for (std::int64_t token = 0; token < 200; ++token) {
    std::set<int> groups;
    for (const std::int32_t expert : token_of(routing, 0, token)) groups.insert(expert / 4);
    EXPECT_LE(groups.size(), 2U);
  }
}

TEST(Routing, ReadsFiles) {
  const std::string path = ::testing::TempDir() + "routing_test.npy";
  std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2, 1), }\n";
  const std::int32_t values[] = {5, -1, 3, 0};
  std::ofstream file(path, std::ios::binary);
  file << "\x93NUMPY" << '\1' << '\0' << static_cast<char>(header.size()) << '\0' << header;
  file.write(reinterpret_cast<const char*>(values), sizeof(values));
  file.close();

  EXPECT_EQ(routing_file_shape(path, 2).tokens, 2);
  EXPECT_THROW(routing_file_shape(path, 3), Error);
  RoutingOptions options{.kind = path, .num_ranks = 2, .tokens = 2, .top_k = 1, .num_experts = 6};
  EXPECT_THAT(make_routing(options).experts, ElementsAre(5, -1, 3, 0));
  options.tokens = 1;
  EXPECT_THAT(make_routing(options).experts, ElementsAre(5, 3));
  options.num_experts = 5;
  EXPECT_THAT(message_of(options), HasSubstr("expected -1 or an expert of [0, 5)"));
  std::remove(path.c_str());
}

TEST(Routing, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(message_of(options_of("star")),
              HasSubstr("expected uniform, zipf:A, khot:K, gate or FILE.npy, got \"star\""));
  EXPECT_THAT(message_of(options_of("zipf:x")), HasSubstr("expected zipf:A with A of at least 0, got zipf:x"));
  EXPECT_THAT(message_of(options_of("khot:0")), HasSubstr("expected khot:K with K of [1, 32], got khot:0"));
  EXPECT_THAT(message_of(options_of("khot:33")), HasSubstr("got khot:33"));
  RoutingOptions few = options_of("uniform");
  few.num_experts = 3;
  EXPECT_THAT(message_of(few), HasSubstr("--experts: expected at least the 4 that a token chooses, got 3"));
}

}  // namespace
}  // namespace crossdock::tools::bench
