// Every rank but 0 of the TCP bootstrap.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/tcp_socket.hpp"

namespace crossdock::transport {
namespace {

constexpr std::chrono::milliseconds kFirstPause{5};
constexpr std::chrono::milliseconds kLongestPause{200};

class StarLeaf final : public Bootstrap {
 public:
  explicit StarLeaf(const TcpWorldOptions& options);

  int rank() const override { return rank_; }
  int num_ranks() const override { return num_ranks_; }
  bool same_process() const override { return false; }
  std::vector<Bytes> all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) override;

 private:
  Channel join(const TcpWorldOptions& options, const base::Deadline& deadline);
  std::string introduce(Channel& channel, const base::Deadline& deadline);
  std::vector<Bytes> take_result(const Bytes& payload);
  Bytes expect(FrameType type, std::chrono::milliseconds at_most);
  [[noreturn]] void fail(Failure failure);

  int rank_;
  int num_ranks_;
  const char* phase_ = "connect";
  std::uint32_t round_ = 0;
  std::optional<Channel> channel_;
  std::optional<Failure> failure_;
};

StarLeaf::StarLeaf(const TcpWorldOptions& options) : rank_(options.rank), num_ranks_(options.num_ranks) {
  const base::Deadline deadline(options.deadline);
  channel_ = join(options, deadline);
  expect(FrameType::kReady, deadline.remaining());
}

// Whatever goes wrong before rank 0 knows this rank is tried again: it may not listen yet, and its name may not be
// known yet.
Channel StarLeaf::join(const TcpWorldOptions& options, const base::Deadline& deadline) {
  const Endpoint endpoint{.address = options.address, .port = options.port};
  std::string reason;
  for (auto pause = kFirstPause; !deadline.expired(); pause = std::min(2 * pause, kLongestPause)) {
    Attempt attempt = try_connect(endpoint, deadline);
    reason = attempt.reason;
    if (attempt.socket) {
      Channel channel(std::move(attempt.socket), kMaxPayloadBytes);
      reason = introduce(channel, deadline);
      if (reason.empty()) return channel;
    }
    std::this_thread::sleep_for(std::min(pause, deadline.remaining()));
  }
  fail({.code = ErrorCode::kDeadlineExceeded,
        .peer = 0,
        .text = fmt::format("bootstrap: rank 0 did not appear at {} within {} ms (last try: {})", describe(endpoint),
                            options.deadline.count(), reason)});
}

// Empty where rank 0 accepts; else why not. Throws where rank 0 says that there will be no job.
std::string StarLeaf::introduce(Channel& channel, const base::Deadline& deadline) {
  const Hello hello{.num_ranks = static_cast<std::uint32_t>(num_ranks_),
                    .rank = static_cast<std::uint32_t>(rank_),
                    .deadline_ms = remaining_ms(deadline)};
  std::optional<Frame> answer;
  try {
    channel.send({.type = FrameType::kHello, .payload = encode(hello)}, deadline);
    answer = channel.receive(deadline);
  } catch (const Error&) {
    return "another program listens there";
  }
  if (!answer) return channel.open() ? "no answer" : "the connection was closed";
  if (answer->type == FrameType::kFailure) fail(parse_failure(answer->payload));
  // A port from the range of outgoing connections can be connected to itself: the hello then comes back.
  return answer->type == FrameType::kAccepted ? "" : "another program listens there";
}

std::vector<Bytes> StarLeaf::all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) {
  phase_ = "all_gather";
  if (failure_) throw error_of(*failure_, phase_, rank_);
  const base::Deadline deadline(at_most);
  ++round_;
  const Bytes payload =
      encode(Contribution{.round = round_, .deadline_ms = remaining_ms(deadline), .bytes = {mine.begin(), mine.end()}});
  if (payload.size() > kMaxPayloadBytes) {
    const Failure failure{.code = ErrorCode::kInvalidArgument,
                          .peer = rank_,
                          .text = fmt::format("bootstrap: expected at most {} bytes of rank {}, got {}",
                                              kMaxPayloadBytes, rank_, payload.size())};
    channel_->send({.type = FrameType::kFailure, .payload = encode(failure)}, deadline);
    fail(failure);
  }
  // Where this fails rank 0 may have said why before it hung up: `expect` reads that.
  channel_->send({.type = FrameType::kContribution, .payload = payload}, deadline);
  return take_result(expect(FrameType::kResult, deadline.remaining()));
}

std::vector<Bytes> StarLeaf::take_result(const Bytes& payload) {
  Result result = parse_result(payload);
  if (result.round != round_ || result.bytes.size() != static_cast<std::size_t>(num_ranks_)) {
    fail({.code = ErrorCode::kInvalidArgument,
          .peer = 0,
          .text = fmt::format("bootstrap: expected exchange {} of {} ranks, got exchange {} of {}", round_, num_ranks_,
                              result.round, result.bytes.size())});
  }
  return std::move(result.bytes);
}

Bytes StarLeaf::expect(FrameType type, std::chrono::milliseconds at_most) {
  auto frame = channel_->receive(base::Deadline(at_most + kVerdictTime));
  if (!frame && !channel_->open()) {
    fail({.code = ErrorCode::kRankLost, .peer = 0, .text = "bootstrap: lost rank 0: the connection was closed"});
  }
  if (!frame) {
    fail({.code = ErrorCode::kDeadlineExceeded,
          .peer = 0,
          .text = fmt::format("bootstrap: rank 0 did not answer within {} ms", at_most.count())});
  }
  if (frame->type == FrameType::kFailure) fail(parse_failure(frame->payload));
  if (frame->type != type) {
    fail({.code = ErrorCode::kInvalidArgument, .peer = 0, .text = "bootstrap: rank 0 sent an unexpected frame"});
  }
  return std::move(frame->payload);
}

void StarLeaf::fail(Failure failure) {
  failure_ = std::move(failure);
  throw error_of(*failure_, phase_, rank_);
}

}  // namespace

std::shared_ptr<Bootstrap> make_star_leaf(const TcpWorldOptions& options) {
  return std::make_shared<StarLeaf>(options);
}

}  // namespace crossdock::transport
