// Rank 0 of the TCP bootstrap.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <optional>
#include <utility>

#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/tcp_socket.hpp"
#include "transport/rank_list.hpp"
#include "transport/system/system_error.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

// Connections that have not said hello. Real ranks do so at once; the oldest of too many are strangers.
constexpr std::size_t kMaxUnknown = 64;

// A failure is told to the others within this time; a peer that does not read must not hold up the rest.
constexpr std::chrono::milliseconds kTellingTime{200};

class StarRoot final : public Bootstrap {
 public:
  explicit StarRoot(const TcpWorldOptions& options);

  int rank() const override { return 0; }
  int num_ranks() const override { return num_ranks_; }
  bool same_process() const override { return false; }
  std::vector<Bytes> all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) override;

 private:
  // Appearing.
  void await_all(const FileDescriptor& listener, std::chrono::milliseconds at_most);
  void take_in_unknown(std::list<Channel>& unknown);
  void admit(const Hello& hello, Channel channel_of_peer);
  void refuse(const Hello& hello, Channel& channel_of_peer);

  // Exchanging.
  void collect(std::vector<std::optional<Bytes>>& bytes, std::chrono::milliseconds at_most);
  void take_contributions(int peer, std::optional<Bytes>& slot);
  void take_contribution(int peer, const Frame& frame, std::optional<Bytes>& slot);
  void send_all(const Frame& frame);

  // Both.
  void wait(const std::vector<int>& more_sockets);
  void tighten(std::uint32_t peer_deadline_ms);
  void fail_if_one_hung_up();
  [[noreturn]] void fail_missing(const std::vector<int>& missing, std::chrono::milliseconds at_most);
  [[noreturn]] void fail(Failure failure);

  std::optional<Channel>& channel(int peer) { return channels_[static_cast<std::size_t>(peer)]; }

  int num_ranks_;
  const char* phase_ = "connect";
  std::uint32_t round_ = 0;
  base::Deadline deadline_;                       ///< the earliest of all ranks that wait
  std::vector<std::optional<Channel>> channels_;  ///< by rank; none for rank 0
  std::optional<Failure> failure_;
};

StarRoot::StarRoot(const TcpWorldOptions& options)
    : num_ranks_(options.num_ranks), deadline_(options.deadline), channels_(static_cast<std::size_t>(num_ranks_)) {
  const FileDescriptor listener = listen_at({.address = options.address, .port = options.port});
  await_all(listener, options.deadline);
  send_all({.type = FrameType::kReady});
}

void StarRoot::await_all(const FileDescriptor& listener, std::chrono::milliseconds at_most) {
  std::list<Channel> unknown;
  while (true) {
    std::vector<int> missing;
    for (int peer = 1; peer < num_ranks_; ++peer) {
      if (!channel(peer)) missing.push_back(peer);
    }
    if (missing.empty()) return;
    if (deadline_.expired()) fail_missing(missing, at_most);

    std::vector<int> sockets{listener.number()};
    for (const Channel& one : unknown) sockets.push_back(one.socket().number());
    wait(sockets);
    while (FileDescriptor socket = accept_one(listener)) {
      unknown.emplace_back(std::move(socket), kHelloBytes);
      if (unknown.size() > kMaxUnknown) unknown.pop_front();
    }
    take_in_unknown(unknown);
    fail_if_one_hung_up();
  }
}

// Whoever hangs up or says anything but hello is a stranger: he is dropped, and the ranks are still waited for.
void StarRoot::take_in_unknown(std::list<Channel>& unknown) {
  for (auto one = unknown.begin(); one != unknown.end();) {
    std::optional<Hello> hello;
    bool stranger = !one->take_in();
    try {
      if (const auto frame = one->next()) {
        stranger = stranger || frame->type != FrameType::kHello;
        if (!stranger) hello = parse_hello(frame->payload);
      }
    } catch (const Error&) {
      stranger = true;
    }
    if (hello) admit(*hello, std::move(*one));
    one = hello || stranger ? unknown.erase(one) : std::next(one);
  }
}

void StarRoot::admit(const Hello& hello, Channel channel_of_peer) {
  const bool valid = hello.num_ranks == static_cast<std::uint32_t>(num_ranks_) && hello.rank > 0 &&
                     hello.rank < static_cast<std::uint32_t>(num_ranks_);
  if (!valid || channel(static_cast<int>(hello.rank))) refuse(hello, channel_of_peer);
  const base::Deadline soon(kTellingTime);
  if (!channel_of_peer.send({.type = FrameType::kAccepted}, soon)) return;
  channel_of_peer.set_max_payload_bytes(kMaxPayloadBytes);
  channel(static_cast<int>(hello.rank)) = std::move(channel_of_peer);
  tighten(hello.deadline_ms);
}

// No job can come of it: all ranks fail, the refused one too.
void StarRoot::refuse(const Hello& hello, Channel& channel_of_peer) {
  Failure failure{.code = ErrorCode::kOptionsMismatch};
  if (hello.num_ranks != static_cast<std::uint32_t>(num_ranks_)) {
    failure.text =
        fmt::format("bootstrap: number of ranks: expected the same on all, got {} on rank 0 and {} on rank {}",
                    num_ranks_, hello.num_ranks, hello.rank);
  } else if (hello.rank == 0 || hello.rank >= hello.num_ranks) {
    failure.text =
        fmt::format("bootstrap: expected ranks of [1, {}] to connect, got rank {}", num_ranks_ - 1, hello.rank);
  } else {
    failure.text = fmt::format("bootstrap: two processes say that they are rank {}", hello.rank);
  }
  failure.peer = static_cast<std::int32_t>(hello.rank);
  const base::Deadline soon(kTellingTime);
  channel_of_peer.send({.type = FrameType::kFailure, .payload = encode(failure)}, soon);
  fail(std::move(failure));
}

std::vector<Bytes> StarRoot::all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) {
  phase_ = "all_gather";
  if (failure_) throw error_of(*failure_, phase_, 0);
  ++round_;
  std::vector<std::optional<Bytes>> bytes(static_cast<std::size_t>(num_ranks_));
  bytes[0].emplace(mine.begin(), mine.end());
  collect(bytes, at_most);

  Result result{.round = round_};
  for (auto& one : bytes) result.bytes.push_back(std::move(*one));
  Bytes payload = encode(result);
  if (payload.size() > kMaxPayloadBytes) {
    fail({.code = ErrorCode::kInvalidArgument,
          .text = fmt::format("bootstrap: expected at most {} bytes of all ranks together, got {}", kMaxPayloadBytes,
                              payload.size())});
  }
  send_all({.type = FrameType::kResult, .payload = std::move(payload)});
  return std::move(result.bytes);
}

void StarRoot::collect(std::vector<std::optional<Bytes>>& bytes, std::chrono::milliseconds at_most) {
  deadline_ = base::Deadline(at_most);
  while (true) {
    std::vector<int> missing;
    for (int peer = 1; peer < num_ranks_; ++peer) {
      auto& slot = bytes[static_cast<std::size_t>(peer)];
      take_contributions(peer, slot);
      if (!slot) missing.push_back(peer);
    }
    if (missing.empty()) return;
    if (deadline_.expired()) fail_missing(missing, at_most);
    wait({});
    fail_if_one_hung_up();
  }
}

void StarRoot::take_contributions(int peer, std::optional<Bytes>& slot) {
  try {
    while (const auto frame = channel(peer)->next()) take_contribution(peer, *frame, slot);
  } catch (const Error& error) {
    if (failure_) throw;
    fail({.code = error.code(), .peer = peer, .text = fmt::format("bootstrap: from rank {}: {}", peer, error.what())});
  }
}

void StarRoot::take_contribution(int peer, const Frame& frame, std::optional<Bytes>& slot) {
  if (frame.type == FrameType::kFailure) fail(parse_failure(frame.payload));
  if (frame.type != FrameType::kContribution || slot) {
    fail({.code = ErrorCode::kInvalidArgument,
          .peer = peer,
          .text = fmt::format("bootstrap: expected one contribution of rank {}, got something else", peer)});
  }
  Contribution contribution = parse_contribution(frame.payload);
  if (contribution.round != round_) {
    fail({.code = ErrorCode::kInvalidArgument,
          .peer = peer,
          .text = fmt::format("bootstrap: expected exchange {} of rank {}, got exchange {}", round_, peer,
                              contribution.round)});
  }
  slot = std::move(contribution.bytes);
  tighten(contribution.deadline_ms);
}

void StarRoot::send_all(const Frame& frame) {
  for (int peer = 1; peer < num_ranks_; ++peer) {
    if (channel(peer)->send(frame, deadline_)) continue;
    fail({.code = ErrorCode::kRankLost,
          .peer = peer,
          .text = fmt::format("bootstrap: rank {} hung up or does not read", peer)});
  }
}

// Until something arrives from a rank or at one of the sockets, or the deadline comes.
void StarRoot::wait(const std::vector<int>& more_sockets) {
  std::vector<pollfd> watched;
  for (const int socket : more_sockets) watched.push_back({.fd = socket, .events = POLLIN, .revents = 0});
  for (const auto& one : channels_) {
    if (one) watched.push_back({.fd = one->socket().number(), .events = POLLIN, .revents = 0});
  }
  if (::poll(watched.data(), watched.size(), poll_timeout(deadline_)) < 0 && errno != EINTR) throw_system("poll");
}

void StarRoot::tighten(std::uint32_t peer_deadline_ms) {
  const base::Deadline peer_deadline{std::chrono::milliseconds(peer_deadline_ms)};
  if (peer_deadline.remaining() < deadline_.remaining()) deadline_ = peer_deadline;
}

// Takes in what the others have sent on the way.
void StarRoot::fail_if_one_hung_up() {
  std::vector<int> lost;
  for (int peer = 1; peer < num_ranks_; ++peer) {
    if (!channel(peer) || channel(peer)->take_in()) continue;
    lost.push_back(peer);
    while (const auto frame = channel(peer)->next()) {
      if (frame->type == FrameType::kFailure) fail(parse_failure(frame->payload));
    }
  }
  if (lost.empty()) return;
  fail({.code = ErrorCode::kRankLost,
        .peer = lost.front(),
        .text = fmt::format("bootstrap: lost {}: the connection was closed", describe_ranks(lost))});
}

void StarRoot::fail_missing(const std::vector<int>& missing, std::chrono::milliseconds at_most) {
  fail({.code = ErrorCode::kDeadlineExceeded,
        .peer = missing.front(),
        .text = fmt::format("bootstrap: {} did not appear in time (at most {} ms)", describe_ranks(missing),
                            at_most.count())});
}

// The others learn it from rank 0 at once instead of at their deadline.
void StarRoot::fail(Failure failure) {
  failure_ = std::move(failure);
  const Frame frame{.type = FrameType::kFailure, .payload = encode(*failure_)};
  const base::Deadline soon(kTellingTime);
  for (auto& one : channels_) {
    if (one) one->send(frame, soon);
  }
  throw error_of(*failure_, phase_, 0);
}

}  // namespace

std::shared_ptr<Bootstrap> make_star_root(const TcpWorldOptions& options) {
  return std::make_shared<StarRoot>(options);
}

}  // namespace crossdock::transport
