#include "transport/system/wait.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "transport/system/system_error.hpp"

namespace crossdock::transport {
namespace {

bool wait_for(const FileDescriptor& file, short events, const base::Deadline& deadline) {
  pollfd watched{.fd = file.number(), .events = events, .revents = 0};
  while (true) {
    const int ready = ::poll(&watched, 1, poll_timeout(deadline));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_system("poll");
    if (ready == 0 && deadline.expired()) return false;
  }
}

}  // namespace

bool wait_readable(const FileDescriptor& file, const base::Deadline& deadline) {
  return wait_for(file, POLLIN, deadline);
}

void wait_readable(const std::vector<int>& files, const base::Deadline& deadline) {
  std::vector<pollfd> watched;
  for (const int file : files) watched.push_back({.fd = file, .events = POLLIN, .revents = 0});
  if (::poll(watched.data(), watched.size(), poll_timeout(deadline)) < 0 && errno != EINTR) throw_system("poll");
}

bool wait_writable(const FileDescriptor& file, const base::Deadline& deadline) {
  return wait_for(file, POLLOUT, deadline);
}

int poll_timeout(const base::Deadline& deadline) {
  constexpr std::int64_t kMost = std::numeric_limits<int>::max();
  return static_cast<int>(std::min<std::int64_t>(deadline.remaining().count(), kMost));
}

}  // namespace crossdock::transport
