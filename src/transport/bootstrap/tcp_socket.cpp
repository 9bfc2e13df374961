#include "transport/bootstrap/tcp_socket.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <sstream>

#include "transport/system/system_error.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

constexpr int kSocketFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;

// Of one address: a firewall that drops packets must not use up the whole deadline.
constexpr std::chrono::milliseconds kConnectTimeout{2'000};

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

struct Resolution {
  Addresses addresses{nullptr, &::freeaddrinfo};
  std::string reason = {};
};

Resolution resolve(const char* name, int port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(name, std::to_string(port).c_str(), &hints, &found);
  Resolution resolution;
  if (code == 0) {
    resolution.addresses.reset(found);
  } else {
    resolution.reason = code == EAI_SYSTEM ? error_text(errno) : ::gai_strerror(code);
  }
  return resolution;
}

void set_option(const FileDescriptor& socket, int level, int option, int value) {
  if (::setsockopt(socket.number(), level, option, &value, sizeof(value)) != 0) throw_system("setsockopt");
}

// Empty where it fails; errno says why.
FileDescriptor try_listen(const addrinfo& address) {
  FileDescriptor socket(::socket(address.ai_family, address.ai_socktype | kSocketFlags, address.ai_protocol));
  if (!socket) return {};
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ai_family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(socket.number(), address.ai_addr, address.ai_addrlen) != 0) return {};
  if (::listen(socket.number(), SOMAXCONN) != 0) return {};
  return socket;
}

// IPv6 first: its wildcard takes IPv4 connections as well.
FileDescriptor try_listen_any(const addrinfo* addresses) {
  for (const bool ipv6 : {true, false}) {
    for (const addrinfo* address = addresses; address != nullptr; address = address->ai_next) {
      if ((address->ai_family == AF_INET6) != ipv6) continue;
      if (FileDescriptor socket = try_listen(*address)) return socket;
    }
  }
  return {};
}

Attempt try_address(const addrinfo& address, const base::Deadline& deadline) {
  FileDescriptor socket(::socket(address.ai_family, address.ai_socktype | kSocketFlags, address.ai_protocol));
  if (!socket) return {.socket = {}, .reason = error_text(errno)};
  if (::connect(socket.number(), address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return {.socket = {}, .reason = error_text(errno)};
    const base::Deadline attempt(std::min(deadline.remaining(), kConnectTimeout));
    if (!wait_writable(socket, attempt)) return {.socket = {}, .reason = error_text(ETIMEDOUT)};
    int failure = 0;
    socklen_t size = sizeof(failure);
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) throw_system("getsockopt");
    if (failure != 0) return {.socket = {}, .reason = error_text(failure)};
  }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return {.socket = std::move(socket), .reason = {}};
}

}  // namespace

std::string describe(const Endpoint& endpoint) {
  const bool ipv6 = endpoint.address.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
              : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

FileDescriptor try_listen_at(const Endpoint& endpoint) {
  const bool numeric = resolve(endpoint.address.c_str(), endpoint.port, AI_NUMERICHOST).addresses != nullptr;
  const bool as_it_is = numeric || endpoint.address == "localhost";
  const Resolution resolution = resolve(as_it_is ? endpoint.address.c_str() : nullptr, endpoint.port, AI_PASSIVE);
  errno = EADDRNOTAVAIL;
  return try_listen_any(resolution.addresses.get());
}

FileDescriptor listen_at(const Endpoint& endpoint) {
  FileDescriptor socket = try_listen_at(endpoint);
  if (!socket) throw_system("bind", describe(endpoint));
  return socket;
}

int port_of(const FileDescriptor& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (::getsockname(listener.number(), reinterpret_cast<sockaddr*>(&address), &size) != 0) throw_system("getsockname");
  const bool ipv6 = address.ss_family == AF_INET6;
  return ntohs(ipv6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                    : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

FileDescriptor accept_one(const FileDescriptor& listener, bool can_wait) {
  FileDescriptor socket(::accept4(listener.number(), nullptr, nullptr, kSocketFlags));
  if (socket) {
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  } else if (!can_wait && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
    throw_system("accept4");
  }
  return socket;
}

Attempt try_connect(const Endpoint& endpoint, const base::Deadline& deadline) {
  Attempt attempt;
  std::istringstream addresses(endpoint.address);
  for (std::string one; std::getline(addresses, one, ',') && !attempt.socket;) {
    const Resolution resolution = resolve(one.c_str(), endpoint.port, 0);
    if (!resolution.addresses) attempt.reason = resolution.reason;
    for (const addrinfo* address = resolution.addresses.get(); address != nullptr; address = address->ai_next) {
      attempt = try_address(*address, deadline);
      if (attempt.socket) break;
    }
  }
  return attempt;
}

}  // namespace crossdock::transport
