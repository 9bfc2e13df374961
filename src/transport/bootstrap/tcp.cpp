#include "transport/bootstrap/tcp.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/start_failure.hpp"
#include "transport/launcher/address.hpp"

namespace crossdock::transport {
namespace {

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, "bootstrap: " + message);
}

void check_port(int port) {
  if (port < 1 || port > 65'535) refuse(fmt::format("port: expected [1, 65535], got {}", port));
}

// Rank 0 that fails here tells the others why before it throws.
FileDescriptor listen_or_tell(const Meeting& meeting) {
  try {
    return listen_for(meeting);
  } catch (const Error& error) {
    tell_start_failure(meeting, {.code = error.code(), .peer = 0, .text = std::string(error.message())});
    throw;
  }
}

}  // namespace

void check(const Meeting& meeting) {
  if (meeting.num_ranks < 1 || meeting.num_ranks > kMostRanks) {
    refuse(fmt::format("number of ranks: expected [1, {}], got {}", kMostRanks, meeting.num_ranks));
  }
  if (meeting.rank < 0 || meeting.rank >= meeting.num_ranks) {
    refuse(fmt::format("rank: expected [0, {}], got {}", meeting.num_ranks - 1, meeting.rank));
  }
  if (meeting.deadline.count() <= 0) {
    refuse(fmt::format("deadline: expected more than 0 ms, got {}", meeting.deadline.count()));
  }
  // Half of what a frame's text may hold: names that are made from it have room.
  constexpr std::size_t kMostBytes = kMaxTextBytes / 2;
  if (meeting.identity.size() > kMostBytes) {
    refuse(fmt::format("identity: expected at most {} bytes, got {}", kMostBytes, meeting.identity.size()));
  }
  for (const Endpoint& endpoint : meeting.endpoints) {
    constexpr std::size_t kLongestName = 255;
    if (endpoint.address.size() > kLongestName) {
      refuse(fmt::format("address: expected at most {} bytes, got {}", kLongestName, endpoint.address.size()));
    }
  }
}

std::uint32_t remaining_ms(const base::Deadline& deadline) {
  return static_cast<std::uint32_t>(std::min<std::int64_t>(deadline.remaining().count(), kNoDeadline));
}

Error error_of(const Failure& failure, const char* phase, int rank) {
  return {failure.code, failure.text,
          Report{.operation = "bootstrap", .phase = phase, .rank = rank, .peer = failure.peer}};
}

std::shared_ptr<Bootstrap> meet(const Meeting& meeting) {
  check(meeting);
  for (const Endpoint& endpoint : meeting.endpoints) {
    check_port(endpoint.port);
    if (endpoint.address.empty()) refuse("address: expected a name or an IP address, got nothing");
  }
  if (meeting.num_ranks == 1) return make_in_process(1).front();
  return meeting.rank == 0 ? make_star_root(meeting, listen_or_tell(meeting)) : make_star_leaf(meeting);
}

std::shared_ptr<Bootstrap> connect_tcp(const TcpWorldOptions& options) {
  return meet(
      {.rank = options.rank,
       .num_ranks = options.num_ranks,
       .identity = options.identity,
       .endpoints = {{.address = parse_address(options.address, "TcpWorldOptions::address"), .port = options.port}},
       .deadline = options.deadline,
       .port_remedy = "another program holds it: choose another TcpWorldOptions::port",
       .address_remedy = "rank 0's machine has no such address: choose another TcpWorldOptions::address"});
}

}  // namespace crossdock::transport
