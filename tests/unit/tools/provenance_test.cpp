#include "provenance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "crossdock/version.hpp"

namespace crossdock::tools {
namespace {

TEST(Provenance, SaysWhereResultsComeFrom) {
  const std::array<const char*, 5> words{"crossdock", "bench", "--json", "my file", "it's"};
  const Provenance provenance = provenance_of(static_cast<int>(words.size()), words.data());
  EXPECT_EQ(provenance.version, version());
  EXPECT_THAT(provenance.commit, ::testing::MatchesRegex("unknown|[0-9a-f]{12}"));
  EXPECT_THAT(provenance.date, ::testing::MatchesRegex("20[0-9][0-9]-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z"));
  EXPECT_EQ(provenance.date.size(), 20U);
  EXPECT_NE(provenance.host, "");
  EXPECT_EQ(provenance.command, "crossdock bench --json 'my file' 'it'\\''s'");
}

}  // namespace
}  // namespace crossdock::tools
