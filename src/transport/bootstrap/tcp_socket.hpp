// TCP connections by name and port.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// Where rank 0 is: a host name, or an IPv4 or IPv6 address.
struct Endpoint {
  std::string address;
  int port = 0;
};
/// "127.0.0.1:29500", "[::1]:29500".
std::string describe(const Endpoint& endpoint);

// Sockets are non-blocking, closed on exec, and send small frames at once (TCP_NODELAY).

/// Throws Error(kSystem) naming the endpoint where it cannot be bound. An address and "localhost" are bound as they
/// are; any other name listens on all interfaces, because machines often know their own name as a loopback address.
FileDescriptor listen_at(const Endpoint& endpoint);

/// Empty where nobody was waiting.
FileDescriptor accept_one(const FileDescriptor& listener);

struct Attempt {
  FileDescriptor socket;  ///< empty where it failed
  std::string reason;     ///< then: why
};
/// One try over all addresses of the name.
Attempt try_connect(const Endpoint& endpoint, const base::Deadline& deadline);

}  // namespace crossdock::transport
