#include "transport/bootstrap/approach.hpp"

#include <fmt/format.h>

#include <utility>

#include "transport/bootstrap/star.hpp"

namespace crossdock::transport {

Approach::Approach(Endpoint endpoint, Hello hello) : endpoint_(std::move(endpoint)), hello_(std::move(hello)) {}

void Approach::begin(const base::Deadline& deadline) {
  if (channel_) return;
  Attempt attempt = try_connect(endpoint_, deadline);
  if (!attempt.socket) {
    give_up(attempt.reason);
    return;
  }
  channel_.emplace(std::move(attempt.socket), kMaxPayloadBytes);
  reason_ = "no answer";
  hello_.deadline_ms = remaining_ms(deadline);
  // Where this fails rank 0 may have said why before it hung up.
  channel_->send({.type = FrameType::kHello, .payload = encode(hello_)}, deadline);
}

std::optional<Frame> Approach::take_answer() {
  if (!channel_) return std::nullopt;
  try {
    return receive();
  } catch (const Error& error) {
    give_up(fmt::format("another program listens there ({})", error.message()));
    return std::nullopt;
  }
}

// Throws where what came is no frame.
std::optional<Frame> Approach::receive() {
  const bool open = channel_->take_in();
  std::optional<Frame> frame = channel_->next();
  if (!frame) {
    if (!open) give_up("the connection was closed");
    return std::nullopt;
  }
  if (frame->type == FrameType::kAccepted || frame->type == FrameType::kFailure) return frame;
  if (frame->type == FrameType::kStranger) {
    const Stranger stranger = parse_stranger(frame->payload);
    stranger_ = fmt::format("{} (library {}) listens there, this is a rank of {}", describe_job(stranger.identity),
                            stranger.library, describe_job(hello_.identity));
    give_up(stranger_);
  } else {
    // A port from the range of outgoing connections can be connected to itself: the hello then comes back.
    give_up("another program listens there");
  }
  return std::nullopt;
}

void Approach::give_up(const std::string& reason) {
  channel_.reset();
  reason_ = reason;
}

std::string Approach::describe() const {
  const bool met_before = !stranger_.empty() && stranger_ != reason_;
  return fmt::format("{} (last try: {}{}{})", transport::describe(endpoint_), reason_, met_before ? "; before: " : "",
                     met_before ? stranger_ : "");
}

}  // namespace crossdock::transport
