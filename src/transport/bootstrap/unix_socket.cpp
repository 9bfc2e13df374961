#include "transport/bootstrap/unix_socket.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#include "base/assert.hpp"
#include "transport/system/system_error.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

struct Address {
  sockaddr_un value{};
  socklen_t size = 0;
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&value); }
};

// A leading zero byte makes the name abstract; its length is part of the address.
Address abstract_address(const std::string& name) {
  Address address;
  CROSSDOCK_ASSERT(name.size() + 1 <= sizeof(address.value.sun_path));
  address.value.sun_family = AF_UNIX;
  std::memcpy(address.value.sun_path + 1, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return address;
}

FileDescriptor open_socket() {
  FileDescriptor socket(::socket(AF_UNIX, kSocketFlags, 0));
  if (!socket) throw_system("socket");
  return socket;
}

// Room for one file. A union, because the header has an alignment.
union Control {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> room;
};

FileDescriptor file_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(part), sizeof(number));
    return FileDescriptor(number);
  }
  return {};
}

}  // namespace

std::string unguessable_socket_name() {
  std::array<std::uint64_t, 2> random{};
  if (::getrandom(random.data(), sizeof(random), 0) != sizeof(random)) throw_system("getrandom");
  return fmt::format("crossdock-{}-{:016x}{:016x}", ::getpid(), random[0], random[1]);
}

// The longest queue: connections of strangers must not keep a peer out.
FileDescriptor listen_on(const std::string& abstract_name) {
  FileDescriptor socket = open_socket();
  const Address address = abstract_address(abstract_name);
  if (::bind(socket.number(), address.generic(), address.size) != 0) throw_system("bind", "@" + abstract_name);
  if (::listen(socket.number(), SOMAXCONN) != 0) throw_system("listen", "@" + abstract_name);
  return socket;
}

FileDescriptor connect_to(const std::string& abstract_name, const base::Deadline& deadline) {
  FileDescriptor socket = open_socket();
  const Address address = abstract_address(abstract_name);
  while (::connect(socket.number(), address.generic(), address.size) != 0) {
    if (errno == ECONNREFUSED) return {};
    // EAGAIN: the listener's queue is full, and there is nothing to poll for.
    if ((errno != EAGAIN && errno != EINTR) || deadline.expired()) throw_system("connect", "@" + abstract_name);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return socket;
}

FileDescriptor accept_from(const FileDescriptor& listener, const base::Deadline& deadline) {
  while (wait_readable(listener, deadline)) {
    FileDescriptor socket(::accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) return socket;
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) throw_system("accept4");
  }
  return {};
}

Credentials peer_credentials(const FileDescriptor& socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket.number(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    throw_system("getsockopt(SO_PEERCRED)");
  }
  return {.pid = credentials.pid, .uid = credentials.uid};
}

bool send_with_file(const FileDescriptor& socket, std::span<const std::byte> bytes, const FileDescriptor& file) {
  iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  Control control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = file.number();
  std::memcpy(CMSG_DATA(part), &number, sizeof(number));
  const ssize_t sent = ::sendmsg(socket.number(), &message, MSG_NOSIGNAL);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
  if (sent < 0) throw_system("sendmsg");
  CROSSDOCK_ASSERT(static_cast<std::size_t>(sent) == bytes.size());
  return true;
}

Received receive_with_file(const FileDescriptor& socket, std::size_t at_most_bytes, const base::Deadline& deadline) {
  Received received;
  received.bytes.resize(at_most_bytes);
  ssize_t size = -1;
  while (size < 0 && wait_readable(socket, deadline)) {
    iovec data{.iov_base = received.bytes.data(), .iov_len = at_most_bytes};
    Control control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    size = ::recvmsg(socket.number(), &message, MSG_CMSG_CLOEXEC);
    if (size >= 0) received.file = file_of(message);
    // No number was left for it: the system drops the file and says only that something is missing.
    if (size > 0 && !received.file && (message.msg_flags & MSG_CTRUNC) != 0) throw_system("recvmsg", "a file", EMFILE);
    if (size < 0 && errno == ECONNRESET) break;
    if (size < 0 && errno != EAGAIN && errno != EINTR) throw_system("recvmsg");
  }
  received.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return received;
}

}  // namespace crossdock::transport
