// What tells that a peer's process has ended.
#pragma once

#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// A connection that nobody writes to, and the peer's process where the system lets us watch it: children that the peer
/// forked hold its end of the connection open, but not its process. Any thread may ask.
class LifeLine {
 public:
  /// For a peer in the own process: never broken.
  LifeLine() = default;
  /// `socket` is a connected stream between the two processes.
  explicit LifeLine(FileDescriptor socket);

  bool broken() const;

 private:
  FileDescriptor socket_;
  FileDescriptor process_;
};

}  // namespace crossdock::transport
