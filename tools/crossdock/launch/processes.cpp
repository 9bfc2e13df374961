#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "crossdock/error.hpp"
#include "errno_text.hpp"
#include "launch/descriptor.hpp"
#include "launch/kinds.hpp"
#include "launch/port.hpp"
#include "launch/shared.hpp"
#include "launch/shared_rendezvous.hpp"

namespace crossdock::tools {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* call) { throw Error(ErrorCode::kSystem, fmt::format("{}: {}", call, errno_text())); }

/// SIGINT and SIGTERM arrive through a descriptor while it lives.
class SignalGuard {
 public:
  SignalGuard() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    errno = pthread_sigmask(SIG_BLOCK, &set, &before_);
    if (errno != 0) fail("pthread_sigmask");
    descriptor_ = Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor_.open()) fail("signalfd");
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  ~SignalGuard() { restore(); }

  /// For a child too: what it inherits is blocked.
  void restore() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  int fd() const { return descriptor_.get(); }

  /// The signal that came, or 0.
  int taken() const {
    signalfd_siginfo info{};
    return ::read(fd(), &info, sizeof(info)) == sizeof(info) ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  Descriptor descriptor_;
};

struct Child {
  int rank = 0;
  pid_t pid = 0;
  Descriptor pipe;  // its end is the child's end
  std::string message = {};
};

void write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count <= 0 && errno != EINTR) return;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
}

/// The whole life of a rank's process.
[[noreturn]] void run_child(const LaunchOptions& options, int rank, int port, Rendezvous& rendezvous, int status_fd,
                            const RankBody& body) {
  int code = 0;
  try {
    const World world = World::tcp({.rank = rank, .num_ranks = options.num_ranks, .port = port});
    body(world, rendezvous);
  } catch (const std::exception& error) {
    write_all(status_fd, fmt::format("rank {}: {}", rank, error.what()));
    code = 1;  // the parent breaks the rendezvous, so that this failure is seen before those it causes
  }
  std::fflush(nullptr);
  ::_exit(code);
}

class ProcessJob {
 public:
  ProcessJob(const LaunchOptions& options, const RankBody& body)
      : options_(options),
        memory_(sizeof(SharedRendezvous)),
        rendezvous_(new(memory_.data()) SharedRendezvous(options.num_ranks)) {
    std::fflush(nullptr);  // else the children would print the parent's buffered text again
    const int port = free_port();
    try {
      for (int rank = 0; rank < options.num_ranks; ++rank) start(rank, port, body);
    } catch (...) {
      kill_all();  // those that run wait for the others
      throw;
    }
  }
  ProcessJob(const ProcessJob&) = delete;
  ProcessJob& operator=(const ProcessJob&) = delete;
  ~ProcessJob() { kill_all(); }

  LaunchResult wait() {
    while (!children_.empty() && result_.signal == 0) {
      poll_once();
      if (Clock::now() > ends_at_) end_survivors();
    }
    kill_all();
    return std::move(result_);
  }

 private:
  void start(int rank, int port, const RankBody& body) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
    Descriptor reading(ends[0]);
    const Descriptor writing(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw Error(ErrorCode::kSystem, fmt::format("fork: {}{}", errno_text(), process_limit_text()));
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);  // it died before the line above
      ::signal(SIGINT, SIG_IGN);              // the terminal sends it to all: the parent decides
      ::signal(SIGTERM, SIG_DFL);
      signals_.restore();
      for (Child& sibling : children_) sibling.pipe.reset();
      run_child(options_, rank, port, *rendezvous_, writing.get(), body);
    }
    children_.push_back({.rank = rank, .pid = pid, .pipe = std::move(reading)});
  }

  void poll_once() {
    std::vector<pollfd> entries{{.fd = signals_.fd(), .events = POLLIN, .revents = 0}};
    for (const Child& child : children_) entries.push_back({.fd = child.pipe.get(), .events = POLLIN, .revents = 0});
    ::poll(entries.data(), entries.size(), 100);
    result_.signal = signals_.taken();
    if (result_.signal != 0) return;
    watch_progress();
    for (std::size_t i = entries.size(); i-- > 1;) {
      if (entries[i].revents != 0 && !read_from(children_[i - 1])) reap(i - 1);
    }
  }

  void watch_progress() {
    if (!result_.failures.empty() || rendezvous_->progress() == seen_progress_) return;
    seen_progress_ = rendezvous_->progress();
    ends_at_ = Clock::now() + options_.stall;
  }

  /// False at the end of the pipe.
  static bool read_from(Child& child) {
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(child.pipe.get(), buffer.data(), buffer.size());
    if (count > 0) child.message.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && errno == EINTR);
  }

  void reap(std::size_t index) {
    const Child child = std::move(children_[index]);
    children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(index));
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && own_signal_follows()) return;
    if (result_.failures.empty()) ends_at_ = Clock::now() + options_.grace;
    rendezvous_->break_by(child.rank);
    note_failure(options_, result_, child.rank, end_of(child, status));
  }

  /// A signal to the whole process group may reach the children first.
  bool own_signal_follows() {
    pollfd entry{.fd = signals_.fd(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, 50);
    result_.signal = signals_.taken();
    return result_.signal != 0;
  }

  static std::string end_of(const Child& child, int status) {
    if (WIFSIGNALED(status)) {
      const int number = WTERMSIG(status);
      return fmt::format("rank {} was killed by signal {} (SIG{})", child.rank, number, sigabbrev_np(number));
    }
    if (!child.message.empty()) return child.message;
    return fmt::format("rank {} ended with exit code {}", child.rank, WEXITSTATUS(status));
  }

  /// After the grace, or where nothing moves.
  void end_survivors() {
    const bool stalled = result_.failures.empty();
    for (const Child& child : children_) {
      note_failure(
          options_, result_, child.rank,
          stalled ? fmt::format("rank {} made no progress for {} ms and was ended", child.rank, options_.stall.count())
                  : fmt::format("rank {} was ended: it still ran {} ms after the first failure", child.rank,
                                options_.grace.count()));
    }
    kill_all();
  }

  void kill_all() {
    for (const Child& child : children_) ::kill(child.pid, SIGKILL);
    for (const Child& child : children_) {
      while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    children_.clear();
  }

  LaunchOptions options_;
  SignalGuard signals_;
  SharedMemory memory_;
  SharedRendezvous* rendezvous_;
  std::vector<Child> children_;
  LaunchResult result_;
  std::uint32_t seen_progress_ = 0;
  Clock::time_point ends_at_ = Clock::now() + options_.stall;
};

}  // namespace

LaunchResult launch_processes(const LaunchOptions& options, const RankBody& body) {
  return ProcessJob(options, body).wait();
}

}  // namespace crossdock::tools
