// How many threads a rank runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../bind_to_one_core.hpp"
#include "engine/context.hpp"
#include "run_ranks.hpp"
#include "tokens.hpp"
#include "transport/local/connect.hpp"

namespace crossdock::test {
namespace {

/// Of a group's only rank, the calling thread among them.
int num_threads(const World& world, const GroupConfig& config) {
  auto transport = transport::connect_local(
      *world.bootstrap(), {.window_bytes = required_bytes(config, 1).window, .num_signals = engine::num_signals()});
  return engine::Context(config, 1, std::move(transport)).workers.size();
}

TEST(ThreadsOfARank, AreNoMoreThanTheCoresThatItIsBoundTo) {
  run_ranks(1, [](const World& world) {
    bind_to_one_core();
    EXPECT_EQ(num_threads(world, small_config(std::chrono::seconds(20))), 1);
  });
}

TEST(ThreadsOfARank, AreAsManyAsAreAskedFor) {
  run_ranks(1, [](const World& world) {
    bind_to_one_core();
    GroupConfig config = small_config(std::chrono::seconds(20));
    config.num_threads = 3;
    EXPECT_EQ(num_threads(world, config), 3);
  });
}

}  // namespace
}  // namespace crossdock::test
