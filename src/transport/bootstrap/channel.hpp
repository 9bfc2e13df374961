// Frames over a connected socket.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "transport/bootstrap/frame.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

class Channel {
 public:
  /// `socket` is non-blocking.
  Channel(FileDescriptor socket, std::size_t max_payload_bytes);

  const FileDescriptor& socket() const { return socket_; }
  void set_max_payload_bytes(std::size_t bytes) { reader_.set_max_payload_bytes(bytes); }

  /// Takes in what has arrived, without waiting. False where the peer has hung up; frames that came before are kept.
  bool take_in();
  /// The next frame that was taken in. Throws Error(kInvalidArgument) where it is none.
  std::optional<Frame> next() { return reader_.next(); }

  /// Waits for the next frame. Nothing: the deadline came first, or the peer hung up (then `open` is false).
  std::optional<Frame> receive(const base::Deadline& deadline);
  bool open() const { return open_; }

  /// False where the peer hung up, or did not take it in time. Never raises SIGPIPE.
  bool send(const Frame& frame, const base::Deadline& deadline);

 private:
  FileDescriptor socket_;
  FrameReader reader_;
  bool open_ = true;
};

}  // namespace crossdock::transport
