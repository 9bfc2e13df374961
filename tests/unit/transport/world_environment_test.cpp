#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../multi/fork_ranks.hpp"
#include "../../multi/free_port.hpp"
#include "gather.hpp"
#include "launcher_environment.hpp"
#include "transport/bootstrap/tcp_socket.hpp"

namespace crossdock::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message_of(const Variables& variables) {
  set_environment(variables);
  return error_of([] { World::from_environment(); }).what();
}

/// Two processes that a launcher has started; `variables` gives each its own.
void expect_two_meet(const std::function<Variables(int rank)>& variables) {
  EXPECT_TRUE(fork_ranks(2, [&](int rank) {
    set_environment(variables(rank));
    const World world = World::from_environment();
    EXPECT_EQ(world.rank(), rank);
    EXPECT_EQ(world.num_ranks(), 2);
    EXPECT_THAT(gather_text(*world.bootstrap(), std::to_string(rank)), ElementsAre("0", "1"));
  }));
}

TEST(WorldEnvironment, NoVariablesAreOneRank) {
  set_environment({});
  const World world = World::from_environment();
  EXPECT_EQ(world.rank(), 0);
  EXPECT_EQ(world.num_ranks(), 1);
  EXPECT_TRUE(world.bootstrap()->same_process());
}

TEST(WorldEnvironment, OneRankNeedsNoAddress) {
  set_environment({{"RANK", "0"}, {"WORLD_SIZE", "1"}});
  EXPECT_EQ(World::from_environment().num_ranks(), 1);
}

TEST(WorldEnvironment, Torchrun) {
  const std::string port = std::to_string(free_port());
  expect_two_meet([&](int rank) {
    return Variables{{"RANK", std::to_string(rank)}, {"WORLD_SIZE", "2"},           {"MASTER_ADDR", "127.0.0.1"},
                     {"MASTER_PORT", port},          {"OMPI_COMM_WORLD_RANK", "7"}, {"OMPI_COMM_WORLD_SIZE", "9"}};
  });
}

// torchrun listens on MASTER_PORT itself.
TEST(WorldEnvironment, TorchrunWithItsOwnStore) {
  const int port = free_port();
  const auto store = transport::listen_at({.address = "127.0.0.1", .port = port});
  expect_two_meet([&](int rank) {
    return Variables{{"RANK", std::to_string(rank)},
                     {"WORLD_SIZE", "2"},
                     {"MASTER_ADDR", "127.0.0.1"},
                     {"MASTER_PORT", std::to_string(port)},
                     {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
  });
}

TEST(WorldEnvironment, OpenMpiOnOneMachineNeedsNoAddress) {
  const std::string port = std::to_string(free_port());
  expect_two_meet([&](int rank) {
    return Variables{{"OMPI_COMM_WORLD_RANK", std::to_string(rank)},
                     {"OMPI_COMM_WORLD_SIZE", "2"},
                     {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                     {"MASTER_PORT", port}};
  });
}

TEST(WorldEnvironment, Slurm) {
  const std::string port = std::to_string(free_port());
  expect_two_meet([&](int rank) {
    return Variables{{"SLURM_STEP_ID", "0"},
                     {"SLURM_PROCID", std::to_string(rank)},
                     {"SLURM_NTASKS", "8"},
                     {"SLURM_STEP_NUM_TASKS", "2"},
                     {"SLURM_STEP_NODELIST", "localhost"},
                     {"SLURM_LAUNCH_NODE_IPADDR", "192.0.2.1"},
                     {"MASTER_PORT", port}};
  });
}

TEST(WorldEnvironment, ABatchScriptOfSeveralTasksIsNoWorldOfOne) {
  EXPECT_THAT(message_of({{"SLURM_NTASKS", "8"}}), HasSubstr("SLURM_NTASKS: expected 1"));
  EXPECT_THAT(message_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}), HasSubstr("SLURM_NTASKS: expected 1"));
}

TEST(WorldEnvironment, NoWorldOfOneWhereAVariableSaysOtherwise) {
  EXPECT_THAT(message_of({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}}), HasSubstr("MASTER_ADDR: not set"));
  EXPECT_THAT(message_of({{"RANK", "0"}, {"WORLD_SIZE", ""}}), HasSubstr("WORLD_SIZE: expected an integer"));
  EXPECT_THAT(message_of({{"RANK", ""}, {"WORLD_SIZE", ""}}), HasSubstr("WORLD_SIZE: expected an integer"));
  EXPECT_THAT(message_of({{"JOB_COMPLETION_INDEX", "0"}}), HasSubstr("set WORLD_SIZE"));
}

TEST(WorldEnvironment, AnAddressIsNamedWhereItIsMalformedOrMissing) {
  EXPECT_THAT(message_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), HasSubstr("MASTER_ADDR: not set"));
  EXPECT_THAT(message_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "node:1"}}),
              HasSubstr("MASTER_ADDR: expected a host name, an IPv4 or an IPv6 address without a port"));
  EXPECT_THAT(
      message_of({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}),
      HasSubstr("MASTER_ADDR: not set"));
}

TEST(WorldEnvironment, BracketsOfIpv6AreUnderstood) {
  const std::string port = std::to_string(free_port());
  expect_two_meet([&](int rank) {
    return Variables{{"RANK", std::to_string(rank)},
                     {"WORLD_SIZE", "2"},
                     {"MASTER_ADDR", "[::ffff:127.0.0.1]"},
                     {"MASTER_PORT", port}};
  });
}

TEST(WorldEnvironment, MalformedVariablesAreNamed) {
  EXPECT_THAT(message_of({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), HasSubstr("RANK: expected an integer of [0, 1]"));
  EXPECT_THAT(message_of({{"RANK", "0"}, {"WORLD_SIZE", "two"}}), HasSubstr("WORLD_SIZE: expected an integer"));
  const Variables torchrun{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}};
  for (const auto& [port, store] : Variables{{"0", ""}, {"65536", ""}, {"http", ""}, {"65535", "True"}}) {
    Variables variables = torchrun;
    variables["MASTER_PORT"] = port;
    variables["TORCHELASTIC_USE_AGENT_STORE"] = store;
    EXPECT_THAT(message_of(variables), HasSubstr("MASTER_PORT: expected an integer of [1, 6553")) << port;
  }
}

}  // namespace
}  // namespace crossdock::testing
