// Stream connections between processes of one machine that also carry open files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// A name of the abstract namespace: no file, gone with its socket. It holds 128 random bits.
std::string unguessable_socket_name();

/// Everything below throws Error(kSystem) where the system refuses. Sockets are non-blocking and closed on exec.
FileDescriptor listen_on(const std::string& abstract_name);
/// Empty where nobody listens.
FileDescriptor connect_to(const std::string& abstract_name, const base::Deadline& deadline);
/// Empty at the deadline.
FileDescriptor accept_from(const FileDescriptor& listener, const base::Deadline& deadline);

struct Credentials {
  int pid = 0;  ///< 0 for a process of a foreign PID namespace
  unsigned uid = 0;
};
/// Of the process that connected, or that listened.
Credentials peer_credentials(const FileDescriptor& socket);

/// Bytes with one open file. False where the peer hung up. The connection must be fresh: a small message then fits its
/// buffer.
bool send_with_file(const FileDescriptor& socket, std::span<const std::byte> bytes, const FileDescriptor& file);

struct Received {
  std::vector<std::byte> bytes;
  FileDescriptor file;  ///< empty where none came along
};
/// One message of send_with_file. No bytes: the peer hung up, or the deadline came first.
Received receive_with_file(const FileDescriptor& socket, std::size_t at_most_bytes, const base::Deadline& deadline);

}  // namespace crossdock::transport
