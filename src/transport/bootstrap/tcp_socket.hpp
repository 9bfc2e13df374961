// TCP connections by name and port.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// Where rank 0 is: a host name, or IPv4 or IPv6 addresses of one machine with commas between them.
struct Endpoint {
  std::string address;
  int port = 0;
};
/// "127.0.0.1:29500", "[::1]:29500".
std::string describe(const Endpoint& endpoint);

// Sockets are non-blocking, closed on exec, and send small frames at once (TCP_NODELAY).

/// Empty where it cannot be bound; errno says why. An address and "localhost" are bound as they are; any other name and
/// none listen on all interfaces, because machines often know their own name as a loopback address. Port 0: any.
FileDescriptor try_listen_at(const Endpoint& endpoint);
/// Throws Error(kSystem) naming the endpoint instead.
FileDescriptor listen_at(const Endpoint& endpoint);
/// Of a listening socket.
int port_of(const FileDescriptor& listener);

/// Empty where nobody was waiting, or, where the caller `can_wait` until it has closed others, no file could be opened.
FileDescriptor accept_one(const FileDescriptor& listener, bool can_wait = false);

struct Attempt {
  FileDescriptor socket;  ///< empty where it failed
  std::string reason;     ///< then: why
};
/// One try over all addresses.
Attempt try_connect(const Endpoint& endpoint, const base::Deadline& deadline);

}  // namespace crossdock::transport
