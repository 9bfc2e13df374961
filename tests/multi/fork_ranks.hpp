// Ranks as real processes, forked from a test.
//
// Contract. The caller has no other threads (a forked child has only the forking one). Each child runs body(rank), then
// _exit: no destructor of the caller runs twice. A child fails by an exception, by a GoogleTest failure of its own, by
// a leak (under AddressSanitizer), or by dying; its message reaches the caller. Children die with their parent.
//
//   EXPECT_TRUE(fork_ranks(4, [](int rank) { ... }));
//
//   ForkedRanks ranks(4, body);        // or step by step, to kill some of them
//   ranks.kill(2);
//   const auto ends = ranks.wait(std::chrono::seconds(10));
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wait_for.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace crossdock::testing {

/// How a rank's process ended.
struct RankEnd {
  int exit_code = -1;        ///< -1 where a signal ended it
  int signal = 0;            ///< 0 where it ended by itself
  std::string message = {};  ///< what failed in it, or that the deadline came

  bool succeeded() const { return exit_code == 0 && message.empty(); }
};

class ForkedRanks {
 public:
  using Body = std::function<void(int rank)>;

  ForkedRanks(int num_ranks, const Body& body) {
    std::fflush(nullptr);  // or a child prints again what its parent has in a buffer
    for (int rank = 0; rank < num_ranks; ++rank) start(rank, body);
  }
  ~ForkedRanks() { wait(std::chrono::milliseconds(0)); }
  ForkedRanks(const ForkedRanks&) = delete;
  ForkedRanks& operator=(const ForkedRanks&) = delete;

  pid_t pid(int rank) const { return children_.at(static_cast<std::size_t>(rank)).pid; }
  /// SIGKILL. Returns at once.
  void kill(int rank) const { ::kill(pid(rank), SIGKILL); }

  /// Waits for all, by rank. What still runs at the deadline is killed and says so.
  std::vector<RankEnd> wait(std::chrono::milliseconds at_most) {
    (void)wait_for([this] { return reap(); }, at_most);
    for (Child& child : children_) {
      if (child.reaped) continue;
      ::kill(child.pid, SIGKILL);
      int status = 0;
      ::waitpid(child.pid, &status, 0);
      finish(child, status);
      child.end.message += fmt::format("killed: it still ran after {} ms", at_most.count());
    }
    std::vector<RankEnd> ends;
    for (const Child& child : children_) ends.push_back(child.end);
    return ends;
  }

 private:
  struct Child {
    pid_t pid = -1;
    int messages = -1;  ///< read end of its pipe
    bool reaped = false;
    RankEnd end = {};
  };

  // A pipe holds 64 KiB: a shorter message never blocks its writer.
  static constexpr std::size_t kMostOfMessage = 32'768;

  void start(int rank, const Body& body) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      run(rank, body, ends[1]);
    }
    // Later children inherit read ends only, so a pipe ends with its own child.
    ::close(ends[1]);
    children_.push_back({.pid = pid, .messages = ends[0]});
  }

  [[noreturn]] static void run(int rank, const Body& body, int messages) {
    const int parts_before = count_parts();
    std::string message;
    try {
      body(rank);
    } catch (const std::exception& failure) {
      message = failure.what();
    }
    message += new_failures(parts_before);
#if defined(__SANITIZE_ADDRESS__)
    if (__lsan_do_recoverable_leak_check() != 0) message += "leaks memory";
#endif
    message.resize(std::min(message.size(), kMostOfMessage));
    const bool told = ::write(messages, message.data(), message.size()) == static_cast<ssize_t>(message.size());
    std::fflush(nullptr);
    ::_exit(message.empty() && told ? 0 : 1);
  }

  static const ::testing::TestResult* current_result() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    return info == nullptr ? nullptr : info->result();
  }

  static int count_parts() {
    const auto* result = current_result();
    return result == nullptr ? 0 : result->total_part_count();
  }

  static std::string new_failures(int parts_before) {
    std::string text;
    for (int part = parts_before; part < count_parts(); ++part) {
      const auto& one = current_result()->GetTestPartResult(part);
      if (one.failed()) text += fmt::format("{}:{}: {}\n", one.file_name(), one.line_number(), one.message());
    }
    return text;
  }

  // True where all have ended.
  bool reap() {
    bool all = true;
    for (Child& child : children_) {
      int status = 0;
      if (!child.reaped && ::waitpid(child.pid, &status, WNOHANG) == child.pid) finish(child, status);
      all = all && child.reaped;
    }
    return all;
  }

  static void finish(Child& child, int status) {
    child.reaped = true;
    if (WIFEXITED(status)) child.end.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) child.end.signal = WTERMSIG(status);
    std::array<char, 4096> buffer{};
    // A grandchild may hold the pipe open, so take what is there and do not wait for its end.
    ::fcntl(child.messages, F_SETFL, O_NONBLOCK);
    for (ssize_t size = 0; (size = ::read(child.messages, buffer.data(), buffer.size())) > 0;) {
      child.end.message.append(buffer.data(), static_cast<std::size_t>(size));
    }
    ::close(child.messages);
  }

  std::vector<Child> children_;
};

/// Every rank has to succeed before the deadline.
inline ::testing::AssertionResult fork_ranks(int num_ranks, const ForkedRanks::Body& body,
                                             std::chrono::milliseconds deadline = std::chrono::seconds(60)) {
  ForkedRanks ranks(num_ranks, body);
  auto result = ::testing::AssertionSuccess();
  const std::vector<RankEnd> ends = ranks.wait(deadline);
  for (std::size_t rank = 0; rank < ends.size(); ++rank) {
    if (ends[rank].succeeded()) continue;
    if (result) result = ::testing::AssertionFailure();
    result << "\nrank " << rank << " (exit code " << ends[rank].exit_code << ", signal " << ends[rank].signal
           << "): " << ends[rank].message;
  }
  return result;
}

}  // namespace crossdock::testing
