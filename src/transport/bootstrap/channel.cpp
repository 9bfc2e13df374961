#include "transport/bootstrap/channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "transport/system/wait.hpp"

namespace crossdock::transport {

Channel::Channel(FileDescriptor socket, std::size_t max_payload_bytes)
    : socket_(std::move(socket)), reader_(max_payload_bytes) {}

// At most one buffer a call: a peer that never stops sending gets no further than the reader's next look at the header.
bool Channel::take_in() {
  std::array<std::byte, 65'536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
  const ssize_t size = ::recv(socket_.number(), buffer.data(), buffer.size(), 0);
  if (size > 0) {
    reader_.append({buffer.data(), static_cast<std::size_t>(size)});
  } else if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    open_ = false;
  }
  return open_;
}

std::optional<Frame> Channel::receive(const base::Deadline& deadline) {
  std::optional<Frame> frame = reader_.next();
  while (!frame && open_ && wait_readable(socket_, deadline)) {
    take_in();
    frame = reader_.next();
  }
  return frame;
}

bool Channel::send(const Frame& frame, const base::Deadline& deadline) {
  const Bytes bytes = encode(frame);
  std::span<const std::byte> rest(bytes);
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket_.number(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest = rest.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_writable(socket_, deadline)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace crossdock::transport
