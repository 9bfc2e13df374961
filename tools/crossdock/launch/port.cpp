#include "launch/port.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "crossdock/error.hpp"
#include "errno_text.hpp"
#include "launch/descriptor.hpp"

namespace crossdock::tools {

int free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (!socket.open() || ::bind(socket.get(), raw, length) != 0 || ::getsockname(socket.get(), raw, &length) != 0) {
    throw Error(ErrorCode::kSystem, fmt::format("no free port of 127.0.0.1: {}", errno_text()));
  }
  return ntohs(address.sin_port);
}

}  // namespace crossdock::tools
