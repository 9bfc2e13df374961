#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "../../multi/fork_ranks.hpp"
#include "../../multi/free_port.hpp"
#include "gather.hpp"
#include "transport/bootstrap/tcp_socket.hpp"

namespace crossdock::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

/// The environment of a launcher, and nothing of the one that runs this test.
void set_environment(const Variables& variables) {
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE",
                           "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_PROCID",
                           "SLURM_NTASKS", "SLURM_LAUNCH_NODE_IPADDR"}) {
    ::unsetenv(name);
  }
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
}

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
    return Variables{{"SLURM_PROCID", std::to_string(rank)},
                     {"SLURM_NTASKS", "2"},
                     {"SLURM_LAUNCH_NODE_IPADDR", "127.0.0.1"},
                     {"MASTER_PORT", port}};
  });
}

TEST(WorldEnvironment, AShellInASlurmAllocationIsOneRank) {
  set_environment({{"SLURM_NTASKS", "8"}});
  EXPECT_EQ(World::from_environment().num_ranks(), 1);
}

TEST(WorldEnvironment, HalfSetVariablesAreNamed) {
  EXPECT_THAT(message_of({{"RANK", "0"}}), HasSubstr("WORLD_SIZE: not set, but RANK is"));
  EXPECT_THAT(message_of({{"WORLD_SIZE", "2"}}), HasSubstr("RANK: not set, but WORLD_SIZE is"));
  EXPECT_THAT(message_of({{"OMPI_COMM_WORLD_RANK", "0"}}), HasSubstr("OMPI_COMM_WORLD_SIZE: not set"));
  EXPECT_THAT(message_of({{"OMPI_COMM_WORLD_SIZE", "2"}}), HasSubstr("OMPI_COMM_WORLD_RANK: not set"));
  EXPECT_THAT(message_of({{"SLURM_PROCID", "0"}}), HasSubstr("SLURM_NTASKS: not set"));
  EXPECT_THAT(message_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), HasSubstr("MASTER_ADDR: not set"));
  EXPECT_THAT(
      message_of({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}),
      HasSubstr("MASTER_ADDR: not set"));
  EXPECT_THAT(message_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}}), HasSubstr("MASTER_ADDR: not set"));
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
