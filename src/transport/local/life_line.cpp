#include "transport/local/life_line.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "transport/bootstrap/unix_socket.hpp"

namespace crossdock::transport {
namespace {

// Not there before Linux 5.3, in some sandboxes, and for a process of another PID namespace (pid 0): then the
// connection alone has to tell.
FileDescriptor watch_process(int pid) {
  if (pid <= 0) return {};
  return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

LifeLine::LifeLine(FileDescriptor socket)
    : socket_(std::move(socket)), process_(watch_process(peer_credentials(socket_).pid)) {}

bool LifeLine::broken() const {
  if (!socket_) return false;
  // Nothing is sent on the connection any more, so "readable" is its end. poll passes over a negative number.
  std::array<pollfd, 2> watched{pollfd{.fd = socket_.number(), .events = POLLIN | POLLRDHUP, .revents = 0},
                                pollfd{.fd = process_.number(), .events = POLLIN, .revents = 0}};
  return ::poll(watched.data(), watched.size(), 0) > 0;
}

}  // namespace crossdock::transport
