// The bootstrap's messages: a stream is cut into the same frames, or refused at the same place, however it arrives;
// a payload is refused, or what was read from it encodes to the bytes it came from. Texts of a launcher's store
// likewise.
#include "transport/bootstrap/frame.hpp"

#include <algorithm>
#include <string_view>

#include "base/assert.hpp"
#include "input.hpp"
#include "transport/bootstrap/published.hpp"

namespace {

using namespace crossdock::transport;
using crossdock::Error;

struct Frames {
  std::vector<Frame> frames = {};
  bool refused = false;
};

/// Feeds pieces of `piece` bytes.
Frames cut(std::span<const std::byte> stream, std::size_t piece, std::size_t max_payload_bytes) {
  FrameReader reader(max_payload_bytes);
  Frames result;
  try {
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.append(stream.subspan(at, std::min(piece, stream.size() - at)));
      while (auto frame = reader.next()) result.frames.push_back(std::move(*frame));
    }
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
    result.refused = true;
  }
  return result;
}

template <typename Parse>
void check_payload(std::span<const std::byte> payload, Parse parse) {
  try {
    CROSSDOCK_ASSERT(std::ranges::equal(encode(parse(payload)), payload));
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
  }
}

// Of another version's only the beginning is understood.
void check_hello(const Frame& frame) {
  const auto parse = [&](std::span<const std::byte> payload) { return parse_hello(payload, frame.version); };
  if (frame.version == kFrameVersion) return check_payload(frame.payload, parse);
  try {
    (void)describe_job(parse(frame.payload).identity);
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
  }
}

void check_text(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    CROSSDOCK_ASSERT(to_text(frame_of_text(text)) == text);
  } catch (const Error& error) {
    CROSSDOCK_ASSERT(error.code() == crossdock::ErrorCode::kInvalidArgument);
  }
}

void check_payload(const Frame& frame) {
  switch (frame.type) {
    case FrameType::kHello:
      return check_hello(frame);
    case FrameType::kContribution:
      return check_payload(frame.payload, parse_contribution);
    case FrameType::kResult:
      return check_payload(frame.payload, parse_result);
    case FrameType::kFailure:
      return check_payload(frame.payload, parse_failure);
    case FrameType::kStranger:
      return check_payload(frame.payload, parse_stranger);
    case FrameType::kPlace:
      return check_payload(frame.payload, parse_place);
    case FrameType::kAccepted:
    case FrameType::kReady:
      return;
  }
  CROSSDOCK_ASSERT(!"a type of the protocol");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  crossdock::fuzz::Input input(data, size);
  const auto piece = static_cast<std::size_t>(input.between(1, 64));
  const std::size_t max_payload_bytes = input.flag() ? kMaxPayloadBytes : kMaxHelloBytes;
  check_text(input.rest());
  const Frames whole = cut(input.rest(), size + 1, max_payload_bytes);
  const Frames pieces = cut(input.rest(), piece, max_payload_bytes);
  CROSSDOCK_ASSERT(whole.refused == pieces.refused && whole.frames.size() == pieces.frames.size());
  for (std::size_t i = 0; i < whole.frames.size(); ++i) {
    CROSSDOCK_ASSERT(whole.frames[i].type == pieces.frames[i].type);
    CROSSDOCK_ASSERT(whole.frames[i].version == pieces.frames[i].version);
    CROSSDOCK_ASSERT(whole.frames[i].payload == pieces.frames[i].payload);
    check_payload(whole.frames[i]);
  }
  return 0;
}
