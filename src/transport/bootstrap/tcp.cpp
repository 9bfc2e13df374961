#include "transport/bootstrap/tcp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "transport/bootstrap/in_process.hpp"
#include "transport/bootstrap/star.hpp"

namespace crossdock::transport {
namespace {

void check(const TcpWorldOptions& options) {
  const auto refuse = [](const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); };
  if (options.num_ranks < 1) {
    refuse(fmt::format("bootstrap: number of ranks: expected 1 or more, got {}", options.num_ranks));
  }
  if (options.rank < 0 || options.rank >= options.num_ranks) {
    refuse(fmt::format("bootstrap: rank: expected [0, {}], got {}", options.num_ranks - 1, options.rank));
  }
  if (options.port < 1 || options.port > 65'535) {
    refuse(fmt::format("bootstrap: port: expected [1, 65535], got {}", options.port));
  }
  if (options.address.empty()) refuse("bootstrap: address: expected a name or an IP address, got nothing");
}

}  // namespace

std::uint32_t remaining_ms(const base::Deadline& deadline) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::uint32_t>(std::min<std::int64_t>(deadline.remaining().count(), kMost));
}

Error error_of(const Failure& failure, const char* phase, int rank) {
  return {failure.code, failure.text,
          Report{.operation = "bootstrap", .phase = phase, .rank = rank, .peer = failure.peer}};
}

std::shared_ptr<Bootstrap> connect_tcp(const TcpWorldOptions& options) {
  check(options);
  if (options.num_ranks == 1) return make_in_process(1).front();
  return options.rank == 0 ? make_star_root(options) : make_star_leaf(options);
}

}  // namespace crossdock::transport
