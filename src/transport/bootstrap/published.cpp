#include "transport/bootstrap/published.hpp"

#include <fmt/format.h>

#include <optional>

namespace crossdock::transport {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw Error(ErrorCode::kInvalidArgument, "bootstrap: published frame: expected hexadecimal digits, got others");
}

}  // namespace

std::string to_text(const Frame& frame) {
  std::string text;
  for (const std::byte byte : encode(frame)) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

Frame frame_of_text(std::string_view text) {
  Bytes bytes;
  for (; text.size() >= 2; text.remove_prefix(2)) {
    bytes.push_back(static_cast<std::byte>(16 * digit_of(text[0]) + digit_of(text[1])));
  }
  FrameReader reader;
  reader.append(bytes);
  std::optional<Frame> frame = reader.next();
  if (!text.empty() || !frame || kFrameHeaderBytes + frame->payload.size() != bytes.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "bootstrap: published frame: expected one whole frame, got something else");
  }
  return std::move(*frame);
}

}  // namespace crossdock::transport
