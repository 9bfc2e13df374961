// Where rank 0 receives whoever connects, until it is known who that is.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/frame.hpp"
#include "transport/system/file_descriptor.hpp"

namespace crossdock::transport {

/// One who belongs to the job by what he says.
struct Guest {
  Hello hello;
  std::uint16_t version = kFrameVersion;  ///< another one: of `hello` only the texts are known
  Channel channel;
};

class Reception {
 public:
  /// `listener` is non-blocking. Only hellos with this identity are of the job.
  Reception(FileDescriptor listener, std::string identity);

  /// To wait for.
  std::vector<int> sockets() const;
  /// Those who have said hello since, without waiting. Others are turned away: ranks of another job with word of who
  /// listens here, other programs without.
  std::vector<Guest> take_in();
  /// What follows "did not appear": empty, or how many were turned away and what the last one was.
  std::string describe_turned_away() const;

 private:
  bool is_over(Channel& unknown, std::vector<Guest>& guests);
  bool is_of_job(const Hello& hello, Channel& unknown);

  FileDescriptor listener_;
  std::string identity_;
  std::list<Channel> unknown_;  ///< have not said hello, the oldest first
  int num_turned_away_ = 0;
  std::string last_turned_away_;
};

}  // namespace crossdock::transport
