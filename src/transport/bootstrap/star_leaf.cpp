// Every rank but 0 of the TCP bootstrap.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "crossdock/version.hpp"
#include "transport/bootstrap/approach.hpp"
#include "transport/bootstrap/channel.hpp"
#include "transport/bootstrap/star.hpp"
#include "transport/bootstrap/start_failure.hpp"
#include "transport/system/descriptor_need.hpp"
#include "transport/system/wait.hpp"

namespace crossdock::transport {
namespace {

constexpr std::chrono::milliseconds kFirstPause{1};
constexpr std::chrono::milliseconds kLongestPause{200};

// By then a rank 0 that starts with the others has listened: perhaps it could not, and says so elsewhere.
constexpr std::chrono::milliseconds kTimeBeforeDoubt{100};
// A firewall that drops packets to those ports must not keep a rank from the one where it is awaited.
constexpr std::chrono::milliseconds kDoubtTimeout{200};

class StarLeaf final : public Bootstrap {
 public:
  explicit StarLeaf(const Meeting& meeting);

  int rank() const override { return rank_; }
  int num_ranks() const override { return num_ranks_; }
  bool same_process() const override { return false; }
  std::vector<Bytes> all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) override;

 private:
  Channel join(const Meeting& meeting, const base::Deadline& deadline);
  std::vector<Approach> approaches(const std::vector<Endpoint>& endpoints, const std::string& identity) const;
  bool is_accepted(Approach& approach);
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

StarLeaf::StarLeaf(const Meeting& meeting) : rank_(meeting.rank), num_ranks_(meeting.num_ranks) {
  require_descriptors(descriptors_to_approach(meeting), "bootstrap", rank_);
  const base::Deadline deadline(meeting.deadline);
  channel_ = join(meeting, deadline);
  expect(FrameType::kReady, deadline.remaining());
}

// Tries all places in turn until rank 0 accepts at one; then also asks whether rank 0 could not start.
Channel StarLeaf::join(const Meeting& meeting, const base::Deadline& deadline) {
  std::vector<Approach> places = approaches(meeting.endpoints, meeting.identity);
  std::vector<Approach> doubts = approaches(start_failure_endpoints(meeting), start_failure_identity(meeting));
  std::size_t next_doubt = 0;
  auto pause = kFirstPause;
  const base::Deadline certain(kTimeBeforeDoubt);
  while (!deadline.expired()) {
    for (Approach& place : places) place.begin(deadline);
    if (certain.expired()) {
      doubts[next_doubt].begin(base::Deadline(std::min(deadline.remaining(), kDoubtTimeout)));
      next_doubt = (next_doubt + 1) % doubts.size();
    }
    std::vector<int> sockets;
    for (const auto* group : {&places, &doubts}) {
      for (const Approach& one : *group) {
        if (one.socket() >= 0) sockets.push_back(one.socket());
      }
    }
    wait_readable(sockets, base::Deadline(std::min(pause, deadline.remaining())));
    for (Approach& place : places) {
      if (is_accepted(place)) return place.take_channel();
    }
    for (Approach& doubt : doubts) (void)is_accepted(doubt);
    pause = std::min(2 * pause, kLongestPause);
  }
  std::vector<std::string> tried;
  for (const Approach& place : places) tried.push_back(place.describe());
  fail({.code = ErrorCode::kDeadlineExceeded,
        .peer = 0,
        .text = fmt::format("bootstrap: rank 0 did not appear at {} within {} ms", fmt::join(tried, ", "),
                            meeting.deadline.count())});
}

std::vector<Approach> StarLeaf::approaches(const std::vector<Endpoint>& endpoints, const std::string& identity) const {
  const Hello hello{.identity = identity,
                    .library = std::string(version()),
                    .num_ranks = static_cast<std::uint32_t>(num_ranks_),
                    .rank = static_cast<std::uint32_t>(rank_)};
  std::vector<Approach> all;
  for (const Endpoint& endpoint : endpoints) all.emplace_back(endpoint, hello);
  return all;
}

// Throws where rank 0 says that there will be no job.
bool StarLeaf::is_accepted(Approach& approach) {
  const std::optional<Frame> answer = approach.take_answer();
  if (answer && answer->type == FrameType::kFailure) fail(parse_failure(answer->payload));
  return answer.has_value();
}

std::vector<Bytes> StarLeaf::all_gather(std::span<const std::byte> mine, std::chrono::milliseconds at_most) {
  check_process();
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

std::shared_ptr<Bootstrap> make_star_leaf(const Meeting& meeting) { return std::make_shared<StarLeaf>(meeting); }

}  // namespace crossdock::transport
