// Rank 0 of the TCP bootstrap.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "crossdock/version.hpp"
#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/reception.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/rank_list.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

class StarRoot final : public Bootstrap {
 public:
  StarRoot(const Meeting& meeting, FileDescriptor listener);

  int rank() const override { return 0; }
  int num_ranks() const override { return num_ranks_; }
  bool same_process() const override { return false; }
  std::vector<Bytes> all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) override;

 private:
  // Appearing.
  void await_all(Reception& reception, std::chrono::milliseconds at_most);
  void admit(Guest guest);
  std::string reason_against(const Guest& guest);

  // Exchanging.
  void collect(std::vector<std::optional<Bytes>>& bytes, std::chrono::milliseconds at_most);
  void take_contributions(int peer, std::optional<Bytes>& slot);
  void take_contribution(int peer, const Frame& frame, std::optional<Bytes>& slot);
  void send_all(const Frame& frame);

  // Both.
  void wait(std::vector<int> more_sockets);
  void tighten(std::uint32_t peer_deadline_ms);
  void fail_if_one_hung_up();
  [[noreturn]] void fail_missing(const std::vector<int>& missing, std::chrono::milliseconds at_most,
                                 const std::string& turned_away = {});
  [[noreturn]] void fail(Failure failure);

  std::optional<Channel>& channel(int peer) { return channels_[static_cast<std::size_t>(peer)]; }

  int num_ranks_;
  const char* phase_ = "connect";
  std::uint32_t round_ = 0;
  base::Deadline deadline_;                       ///< the earliest of all ranks that wait
  std::vector<std::optional<Channel>> channels_;  ///< by rank; none for rank 0
  std::optional<Failure> failure_;
};

StarRoot::StarRoot(const Meeting& meeting, FileDescriptor listener)
    : num_ranks_(meeting.num_ranks), deadline_(meeting.deadline), channels_(static_cast<std::size_t>(num_ranks_)) {
  Reception reception(std::move(listener), meeting.identity);
  await_all(reception, meeting.deadline);
  send_all({.type = FrameType::kReady});
}

void StarRoot::await_all(Reception& reception, std::chrono::milliseconds at_most) {
  while (true) {
    std::vector<int> missing;
    for (int peer = 1; peer < num_ranks_; ++peer) {
      if (!channel(peer)) missing.push_back(peer);
    }
    if (missing.empty()) return;
    if (deadline_.expired()) fail_missing(missing, at_most, reception.describe_turned_away());
    wait(reception.sockets());
    for (Guest& guest : reception.take_in()) admit(std::move(guest));
    fail_if_one_hung_up();
  }
}

void StarRoot::admit(Guest guest) {
  const base::Deadline soon(kTellingTime);
  const auto rank = static_cast<std::int32_t>(guest.hello.rank);
  if (const std::string reason = reason_against(guest); !reason.empty()) {
    // No job can come of it: all ranks fail, the refused one too.
    Failure failure{.code = ErrorCode::kOptionsMismatch, .peer = rank, .text = "bootstrap: " + reason};
    guest.channel.send({.type = FrameType::kFailure, .payload = encode(failure)}, soon);
    fail(std::move(failure));
  }
  if (!guest.channel.send({.type = FrameType::kAccepted}, soon)) return;
  guest.channel.set_max_payload_bytes(kMaxPayloadBytes);
  channel(rank) = std::move(guest.channel);
  tighten(guest.hello.deadline_ms);
}

// Why one who names this job cannot be a rank of it; empty where he can.
std::string StarRoot::reason_against(const Guest& guest) {
  const Hello& hello = guest.hello;
  if (guest.version != kFrameVersion || hello.library != version()) {
    return fmt::format(
        "library: expected the same on all ranks, got {} (protocol {}) on rank 0 and {} (protocol {}) "
        "on another rank",
        version(), kFrameVersion, hello.library, guest.version);
  }
  if (hello.num_ranks != static_cast<std::uint32_t>(num_ranks_)) {
    return fmt::format("number of ranks: expected the same on all, got {} on rank 0 and {} on rank {}", num_ranks_,
                       hello.num_ranks, hello.rank);
  }
  if (hello.rank == 0 || hello.rank >= hello.num_ranks) {
    return fmt::format("expected ranks of [1, {}] to connect, got rank {}", num_ranks_ - 1, hello.rank);
  }
  if (channel(static_cast<int>(hello.rank))) {
    return fmt::format("two processes say that they are rank {}", hello.rank);
  }
  return "";
}

std::vector<Bytes> StarRoot::all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) {
  check_process();
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
void StarRoot::wait(std::vector<int> more_sockets) {
  for (const auto& one : channels_) {
    if (one) more_sockets.push_back(one->socket().number());
  }
  wait_readable(more_sockets, deadline_);
}

void StarRoot::tighten(std::uint32_t peer_deadline_ms) {
  if (peer_deadline_ms == kNoDeadline) return;
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

void StarRoot::fail_missing(const std::vector<int>& missing, std::chrono::milliseconds at_most,
                            const std::string& turned_away) {
  fail({.code = ErrorCode::kDeadlineExceeded,
        .peer = missing.front(),
        .text = fmt::format("bootstrap: {} did not appear in time (at most {} ms){}", describe_ranks(missing),
                            at_most.count(), turned_away)});
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

std::shared_ptr<Bootstrap> make_star_root(const Meeting& meeting, FileDescriptor listener) {
  return std::make_shared<StarRoot>(meeting, std::move(listener));
}

}  // namespace crossdock::transport
