#include "launch/launch.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "crossdock/error.hpp"
#include "launch/shared.hpp"

namespace crossdock::tools {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

constexpr milliseconds kLong{20'000};

class EveryLaunch : public ::testing::TestWithParam<bool> {
 protected:
  static LaunchOptions options(int num_ranks) { return {.num_ranks = num_ranks, .threads = GetParam()}; }
};

TEST_P(EveryLaunch, RunsEveryRankOnce) {
  SharedArray<int> calls(5);
  const LaunchResult result = launch(options(5), [&](const World& world, Rendezvous& rendezvous) {
    ++calls[static_cast<std::size_t>(world.rank())];
    EXPECT_EQ(world.num_ranks(), 5);
    rendezvous.wait();
  });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.exit_code(), 0);
  for (std::size_t rank = 0; rank < 5; ++rank) EXPECT_EQ(calls[rank], 1);
}

TEST_P(EveryLaunch, RendezvousWaitsForAll) {
  SharedArray<std::atomic<int>> arrived(1);
  SharedArray<int> seen(4);
  const LaunchResult result = launch(options(4), [&](const World& world, Rendezvous& rendezvous) {
    for (int round = 1; round <= 50; ++round) {
      ++arrived[0];
      rendezvous.wait();
      if (arrived[0] == 4 * round) ++seen[static_cast<std::size_t>(world.rank())];
      rendezvous.wait();
    }
  });
  EXPECT_TRUE(result.ok());
  for (std::size_t rank = 0; rank < 4; ++rank) EXPECT_EQ(seen[rank], 50);
}

TEST_P(EveryLaunch, NamesTheRankThatThrows) {
  const LaunchResult result = launch(options(3), [](const World& world, Rendezvous& rendezvous) {
    if (world.rank() == 1) throw std::runtime_error("no more coffee");
    rendezvous.wait();
  });
  EXPECT_EQ(result.exit_code(), 1);
  ASSERT_EQ(result.failures.size(), 3U);
  EXPECT_EQ(result.failures[0].message, "rank 1: no more coffee");
  EXPECT_THAT(result.failures[1].message, HasSubstr("rank 1 will not come"));
}

INSTANTIATE_TEST_SUITE_P(Launch, EveryLaunch, ::testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "threads" : "processes"; });

TEST(LaunchProcesses, NamesTheRankThatIsKilled) {
  std::vector<std::string> lines;
  LaunchOptions options{.num_ranks = 4, .report = [&](const std::string& line) { lines.push_back(line); }};
  const LaunchResult result = launch(options, [](const World& world, Rendezvous& rendezvous) {
    if (world.rank() == 3) ::kill(::getpid(), SIGKILL);
    rendezvous.wait();
  });
  EXPECT_EQ(result.exit_code(), 1);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "rank 3 was killed by signal 9 (SIGKILL)");
  EXPECT_THAT(lines[1], HasSubstr("rank 3 will not come"));
}

TEST(LaunchProcesses, EndsSurvivorsAfterTheGrace) {
  const auto begin = std::chrono::steady_clock::now();
  const LaunchResult result = launch({.num_ranks = 2, .grace = milliseconds(100)}, [](const World& world, Rendezvous&) {
    if (world.rank() == 0) throw std::runtime_error("gone");
    std::this_thread::sleep_for(kLong);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLong / 2);
  ASSERT_EQ(result.failures.size(), 2U);
  EXPECT_EQ(result.failures[1].message, "rank 1 was ended: it still ran 100 ms after the first failure");
}

TEST(LaunchProcesses, EndsAJobThatStalls) {
  const LaunchResult result = launch({.num_ranks = 2, .stall = milliseconds(300)},
                                     [](const World&, Rendezvous&) { std::this_thread::sleep_for(kLong); });
  ASSERT_EQ(result.failures.size(), 2U);
  EXPECT_EQ(result.failures[0].message, "rank 0 made no progress for 300 ms and was ended");
}

class EndingSignal : public ::testing::TestWithParam<int> {};

TEST_P(EndingSignal, EndsAllAtOnce) {
  SharedArray<pid_t> pids(3);
  const auto begin = std::chrono::steady_clock::now();
  const LaunchResult result = launch({.num_ranks = 3}, [&](const World& world, Rendezvous& rendezvous) {
    pids[static_cast<std::size_t>(world.rank())] = ::getpid();
    rendezvous.wait();
    if (world.rank() == 0) ::kill(::getppid(), GetParam());
    std::this_thread::sleep_for(kLong);
  });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLong / 2);
  EXPECT_EQ(result.exit_code(), 128 + GetParam());
  EXPECT_TRUE(result.failures.empty());
  for (std::size_t rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(::kill(pids[rank], 0), -1);
    EXPECT_EQ(errno, ESRCH);
  }
}

INSTANTIATE_TEST_SUITE_P(Launch, EndingSignal, ::testing::Values(SIGINT, SIGTERM));

TEST(LaunchProcesses, DieWithTheirParent) {
  SharedArray<pid_t> pids(2);
  const pid_t parent = ::fork();
  if (parent == 0) {
    launch({.num_ranks = 2}, [&](const World& world, Rendezvous& rendezvous) {
      rendezvous.wait();
      pids[static_cast<std::size_t>(world.rank())] = ::getpid();
      std::this_thread::sleep_for(kLong);
    });
    ::_exit(0);
  }
  const auto until = std::chrono::steady_clock::now() + kLong / 2;
  const auto both = [&](const auto& check) {
    while (std::chrono::steady_clock::now() < until) {
      if (check(pids[0]) && check(pids[1])) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  };
  ASSERT_TRUE(both([](pid_t pid) { return pid != 0; }));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(both([](pid_t pid) { return ::kill(pid, 0) == -1 && errno == ESRCH; }));
}

void lower(__rlimit_resource_t resource, rlim_t to) {
  const rlimit limit{.rlim_cur = to, .rlim_max = to};
  if (::setrlimit(resource, &limit) != 0) ::_exit(2);
}

/// What is said of a job of three ranks that a limit keeps from starting; on standard error.
[[noreturn]] void launch_and_say(bool threads) {
  try {
    const LaunchResult result =
        launch({.num_ranks = 3, .threads = threads}, [](const World&, Rendezvous& rendezvous) { rendezvous.wait(); });
    for (const auto& failure : result.failures) fmt::print(stderr, "{}\n", failure.message);
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  ::_exit(0);
}

TEST(LaunchLimits, OfDescriptorsAreNamed) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer opens a pipe to look at memory";
#endif
  EXPECT_EXIT(
      {
        lower(RLIMIT_NOFILE, static_cast<rlim_t>(::dup(0)) + 2);
        launch_and_say(false);
      },
      ::testing::ExitedWithCode(0), "Too many open files; RLIMIT_NOFILE is [0-9]+ .ulimit -n");
}

// Root may have any number: as another user.
void allow_no_process() {
  if (::setresuid(65'534, 65'534, 65'534) != 0) ::_exit(2);
  lower(RLIMIT_NPROC, 1);
}

TEST(LaunchLimits, OfThreadsAreNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  EXPECT_EXIT(
      {
        allow_no_process();
        launch_and_say(true);
      },
      ::testing::ExitedWithCode(0), "rank 0: its thread did not start: Resource .*; RLIMIT_NPROC is 1 .ulimit -u");
}

TEST(LaunchLimits, OfProcessesAreNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  EXPECT_EXIT(
      {
        allow_no_process();
        launch_and_say(false);
      },
      ::testing::ExitedWithCode(0), "fork: Resource .*; RLIMIT_NPROC is 1 .ulimit -u");
}

}  // namespace
}  // namespace crossdock::tools
