// What can go wrong while processes connect, with a bootstrap that lets a third party in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "gather.hpp"
#include "overheard.hpp"
#include "transport/bootstrap/introduction.hpp"
#include "transport/bootstrap/unix_socket.hpp"
#include "transport/local/connect.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using transport::connect_local;

std::string socket_name_of(const std::vector<std::byte>& gathered) {
  // One byte of agreement comes first, the rank's claim of cores last.
  const auto introduction = std::span(gathered).subspan(1, sizeof(transport::Introduction));
  return std::string(transport::text_of(transport::parse_introduction(introduction, 0).socket_name));
}

TEST(Processes, StrangersAtTheSocketAreDropped) {
  const auto worlds = World::threads(3);
  run_threads(3, [&](int rank) {
    std::vector<transport::FileDescriptor> strangers;
    Overheard bootstrap(*worlds[static_cast<std::size_t>(rank)].bootstrap(), [&](auto& all) {
      for (const auto& one : all) {
        const base::Deadline deadline(10s);
        strangers.push_back(transport::connect_to(socket_name_of(one), deadline));
        const auto garbage = bytes_of_text(rank == 0 ? "hello" : "sixteen bytes...");
        ::send(strangers.back().number(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
      }
    });
    const auto transport = connect_local(bootstrap, {.window_bytes = 4096, .num_signals = 1});
    transport->signal((rank + 1) % 3, 0, 1);
    gather_text(*worlds[static_cast<std::size_t>(rank)].bootstrap(), "");
    EXPECT_EQ(transport->observed((rank + 2) % 3, 0), 1U);
    gather_text(*worlds[static_cast<std::size_t>(rank)].bootstrap(), "");
  });
}

TEST(Processes, AnotherMachineIsRefusedByAll) {
  const auto worlds = World::threads(2);
  run_threads(2, [&](int rank) {
    Overheard bootstrap(*worlds[static_cast<std::size_t>(rank)].bootstrap(),
                        [](auto& all) { all[1][1 + offsetof(transport::Introduction, machine)] ^= std::byte{1}; });
    const Error error = error_of([&] { connect_local(bootstrap, {.window_bytes = 4096}); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("expected all ranks on one machine"));
  });
}

TEST(Processes, ASocketThatIsGoneIsALostRank) {
  const auto worlds = World::threads(2);
  run_threads(2, [&](int rank) {
    Overheard bootstrap(*worlds[static_cast<std::size_t>(rank)].bootstrap(), [&](auto& all) {
      if (rank == 1) all[0][1 + offsetof(transport::Introduction, socket_name)] ^= std::byte{1};
    });
    const Error error = error_of([&] { connect_local(bootstrap, {.window_bytes = 4096, .deadline = 500ms}); });
    if (rank == 1) {
      EXPECT_EQ(error.code(), ErrorCode::kRankLost);
      EXPECT_THAT(error.what(), HasSubstr("connect: rank 0 (process "));
    } else {
      EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
      EXPECT_THAT(error.what(), HasSubstr("rank 1 did not connect in time"));
    }
  });
}

}  // namespace
}  // namespace crossdock::testing
