#include "transport/launcher/pmi.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "crossdock/error.hpp"
#include "transport/system/system_error.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

/// Which socket a number stands for: a closed number is soon another file's.
struct SocketId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const SocketId&) const = default;
};

std::optional<SocketId> socket_id(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) return std::nullopt;
  return SocketId{.device = status.st_dev, .inode = status.st_ino};
}

bool wait_for(int fd, short events, const base::Deadline& deadline) {
  pollfd watched{.fd = fd, .events = events, .revents = 0};
  const int ready = ::poll(&watched, 1, poll_timeout(deadline));
  if (ready < 0 && errno != EINTR) throw_system("poll");
  return ready > 0 || !deadline.expired();
}

/// Sends "finalize" when the process exits. A forked child, and a process whose MPI_Finalize has closed the connection,
/// have nothing to send.
class FinalizeAtExit {
 public:
  FinalizeAtExit(int fd, SocketId socket) : fd_(fd), socket_(socket), process_(::getpid()) {}
  FinalizeAtExit(const FinalizeAtExit&) = delete;
  FinalizeAtExit& operator=(const FinalizeAtExit&) = delete;
  ~FinalizeAtExit() {
    if (::getpid() != process_ || socket_id(fd_) != socket_) return;
    constexpr std::string_view kRequest = "cmd=finalize\n";
    if (::send(fd_, kRequest.data(), kRequest.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;
    // Hydra has to have read it before the connection closes with the process.
    constexpr int kMilliseconds = 2'000;
    pollfd watched{.fd = fd_, .events = POLLIN, .revents = 0};
    (void)::poll(&watched, 1, kMilliseconds);
  }

 private:
  int fd_;
  SocketId socket_;
  pid_t process_;
};

void finalize_at_exit(int fd, SocketId socket) { static const FinalizeAtExit at_exit(fd, socket); }

}  // namespace

Pmi::Pmi(int fd, const base::Deadline& deadline) : fd_(fd), deadline_(deadline) {
  const auto socket = socket_id(fd);
  if (!socket) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("environment variable PMI_FD: expected mpiexec's connection, got {}, which is none: a World "
                    "is made before MPI_Finalize, in the process that mpiexec started",
                    fd));
  }
  ask(pmi_request("init", {{"pmi_version", "1"}, {"pmi_subversion", "1"}}), "response_to_init");
  finalize_at_exit(fd, *socket);
  constexpr int kLargest = 1 << 20;
  max_value_bytes_ =
      static_cast<std::size_t>(ask(pmi_request("get_maxes", {}), "maxes").integer("vallen_max", 2, kLargest)) - 1;
  space_ = ask(pmi_request("get_my_kvsname", {}), "my_kvsname").word("kvsname");
}

void Pmi::put(std::string_view key, std::string_view value) {
  ask(pmi_request("put", {{"kvsname", space_}, {"key", key}, {"value", value}}), "put_result");
}

void Pmi::barrier() { ask(pmi_request("barrier_in", {}), "barrier_out"); }

std::string Pmi::get(std::string_view key) {
  return ask(pmi_request("get", {{"kvsname", space_}, {"key", key}}), "get_result").word("value");
}

PmiAnswer Pmi::ask(const std::string& request, std::string_view expected) {
  send(request);
  const std::string line = receive_line(expected);
  PmiAnswer answer = parse_pmi_answer(line);
  const auto rc = answer.words.find("rc");
  if (answer.command != expected || (rc != answer.words.end() && rc->second != "0")) {
    throw Error(ErrorCode::kSystem,
                fmt::format("PMI: {}: expected {} with rc=0 of mpiexec, got \"{}\"",
                            std::string_view(request).substr(0, request.size() - 1), expected, line));
  }
  return answer;
}

void Pmi::send(std::string_view request) {
  while (!request.empty()) {
    const ssize_t sent = ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      request.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(fd_, POLLOUT, deadline_)) {
        throw Error(ErrorCode::kDeadlineExceeded, "PMI: mpiexec does not read what it is sent");
      }
    } else if (errno != EINTR) {
      throw_system("send", "PMI: to mpiexec");
    }
  }
}

// mpiexec sends nothing that it was not asked for: whatever is there is the answer.
std::string Pmi::receive_line(std::string_view expected) {
  std::string line;
  while (line.empty() || line.back() != '\n') {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size > 0) {
      line.append(buffer.data(), static_cast<std::size_t>(size));
      if (line.size() > kMaxPmiLineBytes) {
        throw Error(ErrorCode::kSystem,
                    fmt::format("PMI: expected {} of at most {} bytes, got more", expected, kMaxPmiLineBytes));
      }
    } else if (size == 0) {
      throw Error(ErrorCode::kSystem, fmt::format("PMI: expected {}, but mpiexec closed the connection", expected));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(fd_, POLLIN, deadline_)) {
        throw Error(
            ErrorCode::kDeadlineExceeded,
            fmt::format("PMI: expected {} of mpiexec in time, got nothing{}", expected,
                        expected == "barrier_out" ? ": not all ranks have come to World::from_environment" : ""));
      }
    } else if (errno != EINTR) {
      throw_system("recv", "PMI: from mpiexec");
    }
  }
  line.pop_back();
  return line;
}

}  // namespace crossdock::transport
