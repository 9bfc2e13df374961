// A TCP port that nobody listens on.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <stdexcept>

namespace crossdock::testing {

inline bool is_free(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(socket);
  return bound;
}

/// Of the loopback interface, and the next one is free too. Below the ports that the system gives to outgoing
/// connections: those of other tests took one between here and its use.
inline int free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> any(20'000, 32'000);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int port = any(random);
    if (is_free(port) && is_free(port + 1)) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace crossdock::testing
