#include "launch/port.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>

#include "crossdock/error.hpp"
#include "errno_text.hpp"
#include "launch/descriptor.hpp"

namespace crossdock::tools {
namespace {

bool is_free(int port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return socket.open() && ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

// Below the ports that the system gives to outgoing connections: one of those may be taken again before rank 0 listens.
int free_port() {
  constexpr int kFirst = 16'384;
  constexpr int kCount = 16'384;
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int port = kFirst + static_cast<int>(random() % kCount);
    if (is_free(port)) return port;
  }
  throw Error(ErrorCode::kSystem, fmt::format("no free port of 127.0.0.1: {}", errno_text()));
}

}  // namespace crossdock::tools
