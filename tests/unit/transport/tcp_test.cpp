#include "transport/bootstrap/tcp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "../../multi/free_port.hpp"
#include "base/clock.hpp"
#include "gather.hpp"
#include "transport/bootstrap/connect_job.hpp"
#include "transport/bootstrap/frame.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/tcp_socket.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using transport::connect_tcp;
using transport::Frame;
using transport::FrameType;

using Ranks = std::vector<std::shared_ptr<Bootstrap>>;

// 203.0.113.0/24 is for documentation: no machine has such an address.
constexpr const char* kNobodysAddress = "203.0.113.1";

/// All ranks of a job, as threads of this process over real sockets.
Ranks connect_all(int num_ranks, const std::string& address = "127.0.0.1") {
  Ranks all(static_cast<std::size_t>(num_ranks));
  const int port = free_port();
  run_threads(num_ranks, [&](int rank) {
    all[static_cast<std::size_t>(rank)] =
        connect_tcp({.rank = rank, .num_ranks = num_ranks, .address = address, .port = port});
  });
  return all;
}

/// A program that is no rank, connected to rank 0.
class Stranger {
 public:
  explicit Stranger(int port) {
    const base::Deadline deadline(10s);
    while (!socket_ && !deadline.expired()) {
      socket_ = transport::try_connect({.address = "127.0.0.1", .port = port}, deadline).socket;
    }
  }

  void say(std::span<const std::byte> bytes) const {
    ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

 private:
  transport::FileDescriptor socket_;
};

TEST(Tcp, EverybodyGetsEverybodysBytesRoundAfterRound) {
  const Ranks all = connect_all(5);
  run_threads(5, [&](int rank) {
    Bootstrap& mine = *all[static_cast<std::size_t>(rank)];
    EXPECT_EQ(mine.rank(), rank);
    EXPECT_EQ(mine.num_ranks(), 5);
    EXPECT_FALSE(mine.same_process());
    for (int round = 0; round < 200; ++round) {
      const std::string number = std::to_string(round);
      const auto texts = gather_text(mine, std::string(static_cast<std::size_t>(rank), 'a') + number);
      ASSERT_THAT(texts, ElementsAre(number, "a" + number, "aa" + number, "aaa" + number, "aaaa" + number));
    }
  });
}

/// A bare machine may have no /etc/hosts or no IPv6.
bool can_listen_at(const char* address) {
  addrinfo* found = nullptr;
  if (::getaddrinfo(address, nullptr, nullptr, &found) != 0) return false;
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = socket >= 0 && ::bind(socket, found->ai_addr, found->ai_addrlen) == 0;
  if (socket >= 0) ::close(socket);
  ::freeaddrinfo(found);
  return bound;
}

class TcpAddress : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Tcp, TcpAddress, ::testing::Values("localhost", "::1"));

TEST_P(TcpAddress, NamesAndIpv6Addresses) {
  if (!can_listen_at(GetParam())) GTEST_SKIP() << "this machine has no " << GetParam();
  const Ranks all = connect_all(2, GetParam());
  ASSERT_FALSE(HasFailure());
  run_threads(
      2, [&](int rank) { EXPECT_THAT(gather_text(*all[static_cast<std::size_t>(rank)], "x"), ElementsAre("x", "x")); });
}

TEST(Tcp, MegabytesCross) {
  const Ranks all = connect_all(3);
  run_threads(3, [&](int rank) {
    const std::string mine(5'000'000 + static_cast<std::size_t>(rank), static_cast<char>('a' + rank));
    const auto texts = gather_text(*all[static_cast<std::size_t>(rank)], mine);
    EXPECT_EQ(texts[2], std::string(5'000'002, 'c'));
  });
}

TEST(Tcp, MissingRanksAreNamedToAllWhoCame) {
  const int port = free_port();
  run_threads(2, [&](int thread) {
    const int rank = 2 * thread;  // 0 and 2 of 5
    const base::Deadline soon(5s);
    const Error error = error_of([&] { connect_tcp({.rank = rank, .num_ranks = 5, .port = port, .deadline = 300ms}); });
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(error.what(), HasSubstr("ranks 1, 3 and 4 did not appear")) << "on rank " << rank;
    EXPECT_EQ(error.report().rank, rank);
    EXPECT_EQ(error.report().peer, 1);
    EXPECT_FALSE(soon.expired());
  });
}

TEST(Tcp, AMissingRankZeroIsNamedWithItsAddress) {
  const int port = free_port();
  const Error error = error_of([&] { connect_tcp({.rank = 1, .num_ranks = 2, .port = port, .deadline = 200ms}); });
  EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.what(), HasSubstr("rank 0 did not appear at 127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(error.what(), HasSubstr("Connection refused"));
}

TEST(Tcp, RankZeroMayComeLate) {
  const int port = free_port();
  run_threads(2, [&](int rank) {
    if (rank == 0) std::this_thread::sleep_for(300ms);
    EXPECT_EQ(gather_text(*connect_tcp({.rank = rank, .num_ranks = 2, .port = port}), "").size(), 2U);
  });
}

TEST(Tcp, StrangersDoNotDisturb) {
  const int port = free_port();
  run_threads(3, [&](int thread) {
    if (thread == 2) {
      const Stranger silent(port);
      const Stranger garbage(port);
      garbage.say(bytes_of_text("GET / HTTP/1.1\r\nHost: rank0\r\n\r\n"));
      const Stranger halfway(port);
      const auto hello = encode(Frame{.type = FrameType::kHello, .payload = encode(transport::Hello{})});
      halfway.say(std::span(hello).first(15));
      const Stranger large(port);
      large.say(encode(Frame{.type = FrameType::kHello, .payload = transport::Bytes(1'000'000)}));
      const Stranger wrong_frame(port);
      wrong_frame.say(encode(Frame{.type = FrameType::kReady}));
      {
        const Stranger gone(port);
      }
      std::this_thread::sleep_for(300ms);
      return;
    }
    if (thread == 1) std::this_thread::sleep_for(200ms);
    const auto mine = connect_tcp({.rank = thread, .num_ranks = 2, .port = port});
    EXPECT_THAT(gather_text(*mine, std::to_string(thread)), ElementsAre("0", "1"));
  });
}

TEST(Tcp, ManyStrangersDoNotDisturb) {
  const int port = free_port();
  run_threads(2, [&](int rank) {
    std::vector<std::unique_ptr<Stranger>> strangers;
    for (int i = 0; rank == 1 && i < 100; ++i) strangers.push_back(std::make_unique<Stranger>(port));
    const auto mine = connect_tcp({.rank = rank, .num_ranks = 2, .port = port});
    EXPECT_EQ(gather_text(*mine, "").size(), 2U);
  });
}

TEST(Tcp, TwoProcessesOfOneRankAreAnErrorOnAll) {
  const int port = free_port();
  run_threads(3, [&](int thread) {
    const int rank = thread == 0 ? 0 : 1;  // rank 2 of 3 never comes, rank 1 twice
    const base::Deadline soon(10s);
    const Error error = error_of([&] { connect_tcp({.rank = rank, .num_ranks = 3, .port = port}); });
    EXPECT_EQ(error.code(), ErrorCode::kOptionsMismatch);
    EXPECT_THAT(error.what(), HasSubstr("two processes say that they are rank 1"));
    EXPECT_FALSE(soon.expired());
  });
}

TEST(Tcp, DifferentNumbersOfRanksAreAnErrorOnAll) {
  const int port = free_port();
  run_threads(2, [&](int rank) {
    const base::Deadline soon(10s);
    const Error error = error_of([&] { connect_tcp({.rank = rank, .num_ranks = rank == 0 ? 3 : 4, .port = port}); });
    EXPECT_EQ(error.code(), ErrorCode::kOptionsMismatch);
    EXPECT_THAT(error.what(), HasSubstr("got 3 on rank 0 and 4 on rank 1"));
    EXPECT_FALSE(soon.expired());
  });
}

TEST(Tcp, APortInUseIsNamed) {
  const int port = free_port();
  const auto listener = transport::listen_at({.address = "127.0.0.1", .port = port});
  const Error error = error_of([&] { connect_tcp({.rank = 0, .num_ranks = 2, .port = port, .deadline = 1s}); });
  EXPECT_EQ(error.code(), ErrorCode::kSystem);
  EXPECT_THAT(error.what(), HasSubstr("bind: 127.0.0.1:" + std::to_string(port) + ": Address already in use: another " +
                                      "program holds it: choose another TcpWorldOptions::port"));
}

TEST(Tcp, AnAddressOfAnotherMachineIsNamed) {
  const Error error =
      error_of([] { connect_tcp({.rank = 0, .num_ranks = 2, .address = kNobodysAddress, .deadline = 100ms}); });
  EXPECT_EQ(error.code(), ErrorCode::kSystem);
  EXPECT_THAT(error.what(), HasSubstr("203.0.113.1:29500"));
  EXPECT_THAT(error.what(), HasSubstr("choose another TcpWorldOptions::address"));
}

TEST(Tcp, ARankThatIsGoneIsNamedToAll) {
  Ranks all = connect_all(4);
  run_threads(4, [&](int rank) {
    auto mine = std::move(all[static_cast<std::size_t>(rank)]);
    if (rank == 2) {
      std::this_thread::sleep_for(100ms);
      mine.reset();
      return;
    }
    const base::Deadline soon(10s);
    for (int attempt = 0; attempt < 2; ++attempt) {
      const Error error = error_of([&] { gather_text(*mine, ""); });
      EXPECT_EQ(error.code(), ErrorCode::kRankLost);
      EXPECT_THAT(error.what(), HasSubstr("lost rank 2"));
      EXPECT_EQ(error.report().peer, 2);
      EXPECT_EQ(error.report().rank, rank);
    }
    EXPECT_FALSE(soon.expired());
  });
}

TEST(Tcp, ALostRankZeroIsNamed) {
  Ranks all = connect_all(3);
  run_threads(3, [&](int rank) {
    auto mine = std::move(all[static_cast<std::size_t>(rank)]);
    if (rank == 0) return;
    const Error error = error_of([&] { gather_text(*mine, ""); });
    EXPECT_EQ(error.code(), ErrorCode::kRankLost);
    EXPECT_THAT(error.what(), HasSubstr("lost rank 0"));
  });
}

TEST(Tcp, ARankThatDoesNotGatherIsNamedToAll) {
  const Ranks all = connect_all(4);
  std::atomic<int> num_failed = 0;
  run_threads(4, [&](int rank) {
    if (rank == 3) return;
    const Error error = error_of([&] { gather_text(*all[static_cast<std::size_t>(rank)], "", 300ms); });
    EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
    EXPECT_THAT(error.what(), HasSubstr("rank 3 did not appear in time"));
    ++num_failed;
  });
  EXPECT_EQ(num_failed, 3);
  // The late one hears why.
  EXPECT_THAT(error_of([&] { gather_text(*all[3], ""); }).what(), HasSubstr("rank 3 did not appear in time"));
}

TEST(Tcp, TheShortestDeadlineCounts) {
  const Ranks all = connect_all(3);
  run_threads(2, [&](int rank) {
    const base::Deadline soon(10s);
    const auto own_deadline = rank == 0 ? 60'000ms : 200ms;
    const Error error = error_of([&] { gather_text(*all[static_cast<std::size_t>(rank)], "", own_deadline); });
    EXPECT_THAT(error.what(), HasSubstr("rank 2 did not appear in time"));
    EXPECT_FALSE(soon.expired());
  });
}

TEST(Tcp, TooManyBytesAreAnErrorOnAll) {
  for (const int culprit : {0, 1}) {
    const Ranks all = connect_all(3);
    run_threads(3, [&](int rank) {
      const std::string mine(rank == culprit ? transport::kMaxPayloadBytes + 1 : 1, 'x');
      const Error error = error_of([&] { gather_text(*all[static_cast<std::size_t>(rank)], mine); });
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("expected at most 67108864 bytes"));
    });
  }
}

TEST(Tcp, AnotherProgramAtThePortIsTold) {
  const int port = free_port();
  const auto listener = transport::listen_at({.address = "127.0.0.1", .port = port});
  std::thread web([&] {
    const base::Deadline deadline(10s);
    transport::FileDescriptor socket;
    while (!socket && !deadline.expired()) socket = transport::accept_one(listener);
    const auto answer = bytes_of_text("HTTP/1.1 400 Bad Request\r\n\r\n");
    ::send(socket.number(), answer.data(), answer.size(), MSG_NOSIGNAL);
    std::this_thread::sleep_for(600ms);
  });
  const Error error = error_of([&] { connect_tcp({.rank = 1, .num_ranks = 2, .port = port, .deadline = 400ms}); });
  web.join();
  EXPECT_EQ(error.code(), ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(error.what(), HasSubstr("rank 0 did not appear"));
}

TEST(Tcp, OptionsAreChecked) {
  const auto code_of = [](const TcpWorldOptions& options) { return error_of([&] { World::tcp(options); }).code(); };
  EXPECT_EQ(code_of({.rank = 0, .num_ranks = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = 2, .num_ranks = 2}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = -1, .num_ranks = 2}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = 0, .num_ranks = 2, .port = 0}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = 0, .num_ranks = 2, .port = 65'536}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = 0, .num_ranks = 2, .address = ""}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = 0, .num_ranks = 2, .address = std::string(256, 'a')}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of({.rank = 0, .num_ranks = 2, .identity = std::string(513, 'a')}), ErrorCode::kInvalidArgument);
}

TEST(Tcp, OneRankNeedsNoSocket) {
  const int port = free_port();
  const auto listener = transport::listen_at({.address = "127.0.0.1", .port = port});
  EXPECT_EQ(gather_text(*connect_tcp({.rank = 0, .num_ranks = 1, .port = port}), "x").size(), 1U);
}

// Ranks that would wait for ever meet, exchange, and tell one another no deadline that is shorter.
TEST(Tcp, NoLimitIsNoShortLimit) {
  Ranks all(3);
  const int port = free_port();
  run_threads(3, [&](int rank) {
    const auto deadline = rank == 1 ? std::chrono::milliseconds::max() : std::chrono::hours(24 * 365 * 300);
    auto& mine = all[static_cast<std::size_t>(rank)];
    mine = connect_tcp({.rank = rank, .num_ranks = 3, .port = port, .deadline = deadline});
    EXPECT_THAT(gather_text(*mine, std::to_string(rank), deadline), ElementsAre("0", "1", "2"));
  });
  EXPECT_EQ(transport::remaining_ms(base::Deadline(std::chrono::milliseconds::max())), transport::kNoDeadline);
  EXPECT_LT(transport::remaining_ms(base::Deadline(24h)), 24U * 3600 * 1000 + 1);
  EXPECT_GT(transport::remaining_ms(base::Deadline(24h)), 23U * 3600 * 1000);
}

TEST(Tcp, NothingIsNoDeadline) {
  for (const auto deadline : {0ms, -1ms, std::chrono::milliseconds::min()}) {
    for (const int num_ranks : {1, 2}) {
      const Error error = error_of([&] { connect_tcp({.num_ranks = num_ranks, .deadline = deadline}); });
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr("bootstrap: deadline: expected more than 0 ms, got "));
    }
    EXPECT_EQ(error_of([&] { transport::connect_job({}, {.deadline = deadline}); }).code(),
              ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace crossdock::testing
