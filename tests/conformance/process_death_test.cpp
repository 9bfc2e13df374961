// Processes that are killed: the others see it at once, and nothing is left behind.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "../multi/fork_ranks.hpp"
#include "../multi/free_port.hpp"
#include "../multi/shared_words.hpp"
#include "../multi/wait_for.hpp"
#include "base/clock.hpp"
#include "crossdock/error.hpp"
#include "crossdock/world.hpp"
#include "transport_kinds.hpp"

namespace crossdock::testing {
namespace {

using namespace std::chrono_literals;
using transport::PeerState;
using transport::Transport;

struct Member {
  World world;
  std::unique_ptr<Transport> transport;
};

Member join(int rank, int num_ranks, int port) {
  World world = World::tcp({.rank = rank, .num_ranks = num_ranks, .port = port});
  auto transport = transport::connect_processes(*world.bootstrap(), {.window_bytes = 1 << 20, .num_signals = 4});
  return {.world = std::move(world), .transport = std::move(transport)};
}

struct Words {
  std::atomic<int> num_ready;
  std::atomic<std::int64_t> killed_at_ns;
};

constexpr auto kSoon = 20s;

std::int64_t now_ns() { return base::Clock::now().time_since_epoch().count(); }

TEST(ProcessDeath, AKilledRankIsSeenByAllWithin200Milliseconds) {
  constexpr int kRanks = 4;
  constexpr int kVictim = 2;
  const int port = free_port();
  const SharedWords<Words> shared;
  ForkedRanks ranks(kRanks, [&](int rank) {
    const Member member = join(rank, kRanks, port);
    ++shared->num_ready;
    if (rank == kVictim) std::this_thread::sleep_for(60s);
    Transport& transport = *member.transport;
    ASSERT_TRUE(wait_for([&] { return transport.peer_state(kVictim) != PeerState::kAlive; }, kSoon));
    const auto seen_after = std::chrono::nanoseconds(now_ns() - shared->killed_at_ns);
    EXPECT_LT(seen_after, 200ms);
    // The survivors stay until all have looked at one another.
    for (int peer = 0; peer < kRanks; ++peer) {
      EXPECT_EQ(transport.peer_state(peer), peer == kVictim ? PeerState::kLost : PeerState::kAlive);
    }
    ++shared->num_ready;
    EXPECT_TRUE(wait_for([&] { return shared->num_ready == kRanks + kRanks - 1; }, kSoon));
  });
  ASSERT_TRUE(wait_for([&] { return shared->num_ready == kRanks; }, kSoon));
  shared->killed_at_ns = now_ns();
  ranks.kill(kVictim);
  const auto ends = ranks.wait(30s);
  for (int rank = 0; rank < kRanks; ++rank) {
    const RankEnd& end = ends[static_cast<std::size_t>(rank)];
    EXPECT_EQ(end.signal, rank == kVictim ? SIGKILL : 0);
    EXPECT_EQ(end.succeeded(), rank != kVictim) << end.message;
  }
}

// A worker that a rank has forked keeps the rank's connections open after its death.
TEST(ProcessDeath, AKilledRankIsSeenThoughItsChildLives) {
  const int probe = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (probe < 0) GTEST_SKIP() << "this system cannot watch processes (pidfd_open)";
  ::close(probe);

  const int port = free_port();
  const SharedWords<Words> shared;
  std::array<int, 2> hold{};
  ASSERT_EQ(::pipe(hold.data()), 0);
  ForkedRanks ranks(2, [&](int rank) {
    const Member member = join(rank, 2, port);
    if (rank == 1 && ::fork() == 0) {
      // Ends when nobody holds the other end any more: after the rest of this test.
      ::close(hold[1]);
      char end = 0;
      ++shared->num_ready;
      while (::read(hold[0], &end, 1) > 0) continue;
      ::_exit(0);
    }
    ++shared->num_ready;
    if (rank == 1) std::this_thread::sleep_for(60s);
    EXPECT_TRUE(wait_for([&] { return member.transport->peer_state(1) == PeerState::kLost; }, 5s));
  });
  ASSERT_TRUE(wait_for([&] { return shared->num_ready == 3; }, kSoon));
  ranks.kill(1);
  const auto ends = ranks.wait(30s);
  ::close(hold[0]);
  ::close(hold[1]);
  EXPECT_TRUE(ends[0].succeeded()) << ends[0].message;
  EXPECT_EQ(ends[1].signal, SIGKILL);
}

/// What this process, and the machine under this library's names, hold.
struct Holdings {
  std::size_t open_files = 0;
  std::size_t mapped_windows = 0;
  std::size_t shm_files = 0;
  std::size_t sockets = 0;
  bool operator==(const Holdings&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Holdings& held) {
  return out << fmt::format("{} open files, {} mapped windows, {} shm files, {} sockets", held.open_files,
                            held.mapped_windows, held.shm_files, held.sockets);
}

std::size_t count_lines(const char* file, std::string_view pattern) {
  std::ifstream lines(file);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(pattern) != std::string::npos ? 1 : 0;
  return count;
}

std::size_t count_entries(const char* folder, std::string_view pattern) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    count += entry.path().filename().string().find(pattern) != std::string::npos ? 1 : 0;
  }
  return count;
}

Holdings look(const std::vector<pid_t>& pids) {
  Holdings held{.open_files = count_entries("/proc/self/fd", ""),
                .mapped_windows = count_lines("/proc/self/maps", "memfd:crossdock"),
                .shm_files = count_entries("/dev/shm", "crossdock")};
  for (const pid_t pid : pids) held.sockets += count_lines("/proc/net/unix", fmt::format("@crossdock-{}-", pid));
  return held;
}

TEST(ProcessDeath, TwentyKillsLeaveNothingBehind) {
  std::vector<pid_t> pids{::getpid()};
  const Holdings before = look(pids);
  for (int round = 0; round < 20; ++round) {
    const int port = free_port();
    // This process is rank 0 and survives all the others.
    ForkedRanks peer(1, [&](int) {
      const Member member = join(1, 2, port);
      std::this_thread::sleep_for(60s);
    });
    pids.push_back(peer.pid(0));
    {
      const Member member = join(0, 2, port);
      EXPECT_GT(look(pids).mapped_windows, before.mapped_windows);
      peer.kill(0);
      ASSERT_TRUE(wait_for([&] { return member.transport->peer_state(1) == PeerState::kLost; }, kSoon));
    }
    EXPECT_EQ(peer.wait(10s)[0].signal, SIGKILL);
    ASSERT_EQ(look(pids), before) << "after kill " << round;
  }
}

void connect_for_ever(int rank, int port) {
  const World world = World::tcp({.rank = rank, .num_ranks = 2, .port = port, .deadline = 500ms});
  while (true) {
    transport::connect_processes(*world.bootstrap(), {.window_bytes = 1 << 20, .num_signals = 4, .deadline = 500ms});
  }
}

// Killed at any moment of start-up: the survivor gets an Error, not a hang, and keeps nothing.
TEST(ProcessDeath, AKillDuringStartUpIsAnError) {
  std::vector<pid_t> pids{::getpid()};
  const Holdings before = look(pids);
  int num_errors = 0;
  for (int round = 0; round < 20; ++round) {
    const int port = free_port();
    ForkedRanks peer(1, [&](int) { connect_for_ever(1, port); });
    pids.push_back(peer.pid(0));
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(500 * round));
      peer.kill(0);
    });
    try {
      connect_for_ever(0, port);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kRankLost || error.code() == ErrorCode::kDeadlineExceeded ||
                  error.code() == ErrorCode::kRejectedByPeer)
          << error.what();
      ++num_errors;
    }
    killer.join();
    EXPECT_EQ(peer.wait(10s)[0].signal, SIGKILL);
    ASSERT_EQ(look(pids), before) << "after kill " << round;
  }
  EXPECT_EQ(num_errors, 20);
}

}  // namespace
}  // namespace crossdock::testing
