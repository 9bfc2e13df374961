// A rank's way to one place where rank 0 may listen.
#pragma once

#include <optional>
#include <string>

#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/tcp_socket.hpp"

namespace crossdock::transport {

/// Tried again and again: rank 0 may not listen yet, its name may not be known yet, another job may hold the port now.
class Approach {
 public:
  /// `hello` says who comes; its deadline is set anew at every try.
  Approach(Endpoint endpoint, Hello hello);

  /// Connects and says hello, unless an answer to the last hello is still open.
  void begin(const base::Deadline& deadline);
  /// -1 where nothing can come.
  int socket() const { return channel_ ? channel_->socket().number() : -1; }
  /// Accepted or failure, if it has come. Whatever else has come ends this try.
  std::optional<Frame> take_answer();
  /// After `accepted`.
  Channel take_channel() { return std::move(*channel_); }

  /// "127.0.0.1:29500 (last try: Connection refused)".
  std::string describe() const;

 private:
  std::optional<Frame> receive();
  void give_up(const std::string& reason);

  Endpoint endpoint_;
  Hello hello_;
  std::optional<Channel> channel_;
  std::string reason_ = "none";  ///< why the last try came to nothing
  std::string stranger_;         ///< the last other job that was met here
};

}  // namespace crossdock::transport
