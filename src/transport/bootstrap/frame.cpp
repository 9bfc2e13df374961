#include "transport/bootstrap/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace crossdock::transport {
namespace {

// Before it nothing but the header was common to versions.
constexpr std::uint16_t kFirstCommonVersion = 2;

template <typename Int>
void append_integer(Bytes& bytes, Int value) {
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    bytes.push_back(static_cast<std::byte>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFF));
  }
}

void append_text(Bytes& bytes, const std::string& text) {
  if (text.size() > kMaxTextBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("bootstrap: expected a text of at most {} bytes, got {}", kMaxTextBytes, text.size()));
  }
  append_integer(bytes, static_cast<std::uint16_t>(text.size()));
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), begin, begin + text.size());
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Takes a payload apart from the front.
class Cursor {
 public:
  Cursor(std::span<const std::byte> bytes, std::string_view what) : rest_(bytes), what_(what) {}

  std::span<const std::byte> take(std::size_t count) {
    if (count > rest_.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("bootstrap: {}: expected {} more bytes, got {}", what_, count, rest_.size()));
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  template <typename Int>
  Int integer() {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const std::byte byte : take(sizeof(Int))) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return static_cast<Int>(value);
  }

  std::string text() {
    const std::size_t size = integer<std::uint16_t>();
    if (size > kMaxTextBytes) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("bootstrap: {}: expected a text of at most {} bytes, got {}",
                                                           what_, kMaxTextBytes, size));
    }
    return text_of(take(size));
  }

  std::span<const std::byte> take_all() { return take(rest_.size()); }

  void expect_end() const {
    if (!rest_.empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("bootstrap: {}: expected its end, got {} more bytes", what_, rest_.size()));
    }
  }

 private:
  std::span<const std::byte> rest_;
  std::string_view what_;
};

Bytes copy_of(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

/// Frames that every version understands.
bool is_common(FrameType type) {
  return type == FrameType::kHello || type == FrameType::kFailure || type == FrameType::kStranger;
}

struct Header {
  FrameType type = FrameType::kFailure;
  std::uint16_t version = kFrameVersion;
  std::size_t payload_bytes = 0;
};

Header parse_header(std::span<const std::byte> bytes, std::size_t max_payload_bytes) {
  Cursor cursor(bytes, "header");
  if (cursor.integer<std::uint32_t>() != kFrameMagic) {
    throw Error(ErrorCode::kInvalidArgument, "bootstrap: expected a frame of this library, got something else");
  }
  const auto version = cursor.integer<std::uint16_t>();
  const auto type = cursor.integer<std::uint16_t>();
  if (version != kFrameVersion && (version < kFirstCommonVersion || !is_common(static_cast<FrameType>(type)))) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("bootstrap: expected version {} of this library's protocol, got {}", kFrameVersion, version));
  }
  if (type < static_cast<std::uint16_t>(FrameType::kHello) || type > static_cast<std::uint16_t>(FrameType::kPlace)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("bootstrap: expected a known frame type, got {}", type));
  }
  const std::size_t payload_bytes = cursor.integer<std::uint32_t>();
  if (payload_bytes > max_payload_bytes) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("bootstrap: expected a payload of at most {} bytes, got {}",
                                                         max_payload_bytes, payload_bytes));
  }
  return {.type = static_cast<FrameType>(type), .version = version, .payload_bytes = payload_bytes};
}

}  // namespace

Bytes encode(const Frame& frame) {
  if (frame.payload.size() > kMaxPayloadBytes) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("bootstrap: expected a payload of at most {} bytes, got {}",
                                                         kMaxPayloadBytes, frame.payload.size()));
  }
  Bytes bytes;
  bytes.reserve(kFrameHeaderBytes + frame.payload.size());
  append_integer(bytes, kFrameMagic);
  append_integer(bytes, frame.version);
  append_integer(bytes, static_cast<std::uint16_t>(frame.type));
  append_integer(bytes, static_cast<std::uint32_t>(frame.payload.size()));
  bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
  return bytes;
}

std::optional<Frame> FrameReader::next() {
  if (buffer_.size() < kFrameHeaderBytes) return std::nullopt;
  const std::span<const std::byte> all(buffer_);
  const Header header = parse_header(all.first(kFrameHeaderBytes), max_payload_bytes_);
  const std::size_t frame_bytes = kFrameHeaderBytes + header.payload_bytes;
  if (all.size() < frame_bytes) return std::nullopt;
  Frame frame{.type = header.type,
              .payload = copy_of(all.subspan(kFrameHeaderBytes, header.payload_bytes)),
              .version = header.version};
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(frame_bytes));
  return frame;
}

Bytes encode(const Hello& hello) {
  Bytes payload;
  append_text(payload, hello.identity);
  append_text(payload, hello.library);
  append_integer(payload, hello.num_ranks);
  append_integer(payload, hello.rank);
  append_integer(payload, hello.deadline_ms);
  return payload;
}

Hello parse_hello(std::span<const std::byte> payload, std::uint16_t version) {
  Cursor cursor(payload, "hello");
  Hello hello;
  hello.identity = cursor.text();
  hello.library = cursor.text();
  if (version != kFrameVersion) return hello;
  hello.num_ranks = cursor.integer<std::uint32_t>();
  hello.rank = cursor.integer<std::uint32_t>();
  hello.deadline_ms = cursor.integer<std::uint32_t>();
  cursor.expect_end();
  return hello;
}

Bytes encode(const Stranger& stranger) {
  Bytes payload;
  append_text(payload, stranger.identity);
  append_text(payload, stranger.library);
  return payload;
}

Stranger parse_stranger(std::span<const std::byte> payload) {
  Cursor cursor(payload, "stranger");
  Stranger stranger;
  stranger.identity = cursor.text();
  stranger.library = cursor.text();
  cursor.expect_end();
  return stranger;
}

Bytes encode(const Place& place) {
  Bytes payload;
  append_text(payload, place.identity);
  append_text(payload, place.address);
  append_integer(payload, place.port);
  return payload;
}

Place parse_place(std::span<const std::byte> payload) {
  Cursor cursor(payload, "place");
  Place place;
  place.identity = cursor.text();
  place.address = cursor.text();
  place.port = cursor.integer<std::uint32_t>();
  cursor.expect_end();
  if (place.port < 1 || place.port > 65'535) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("bootstrap: place: expected a port of [1, 65535], got {}", place.port));
  }
  return place;
}

std::string describe_job(const std::string& identity) {
  if (identity.empty()) return "a job without a name";
  std::string printable = identity;
  std::ranges::replace_if(printable, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return fmt::format("job \"{}\"", printable);
}

Bytes encode(const Contribution& contribution) {
  Bytes payload;
  append_integer(payload, contribution.round);
  append_integer(payload, contribution.deadline_ms);
  payload.insert(payload.end(), contribution.bytes.begin(), contribution.bytes.end());
  return payload;
}

Contribution parse_contribution(std::span<const std::byte> payload) {
  Cursor cursor(payload, "contribution");
  Contribution contribution;
  contribution.round = cursor.integer<std::uint32_t>();
  contribution.deadline_ms = cursor.integer<std::uint32_t>();
  contribution.bytes = copy_of(cursor.take_all());
  return contribution;
}

Bytes encode(const Result& result) {
  Bytes payload;
  append_integer(payload, result.round);
  append_integer(payload, static_cast<std::uint32_t>(result.bytes.size()));
  for (const Bytes& bytes : result.bytes) append_integer(payload, static_cast<std::uint32_t>(bytes.size()));
  for (const Bytes& bytes : result.bytes) payload.insert(payload.end(), bytes.begin(), bytes.end());
  return payload;
}

Result parse_result(std::span<const std::byte> payload) {
  Cursor cursor(payload, "result");
  Result result;
  result.round = cursor.integer<std::uint32_t>();
  const std::size_t count = cursor.integer<std::uint32_t>();
  // Taken before anything of that size is allocated: a false count fails here.
  Cursor sizes(cursor.take(count * sizeof(std::uint32_t)), "result sizes");
  for (std::size_t rank = 0; rank < count; ++rank) {
    result.bytes.push_back(copy_of(cursor.take(sizes.integer<std::uint32_t>())));
  }
  cursor.expect_end();
  return result;
}

Bytes encode(const Failure& failure) {
  Bytes payload;
  append_integer(payload, static_cast<std::uint32_t>(failure.code));
  append_integer(payload, static_cast<std::uint32_t>(failure.peer));
  const auto* text = reinterpret_cast<const std::byte*>(failure.text.data());
  payload.insert(payload.end(), text, text + failure.text.size());
  return payload;
}

Failure parse_failure(std::span<const std::byte> payload) {
  Cursor cursor(payload, "failure");
  Failure failure;
  const auto code = cursor.integer<std::uint32_t>();
  if (code > static_cast<std::uint32_t>(ErrorCode::kSystem)) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("bootstrap: failure: expected an error code, got {}", code));
  }
  failure.code = static_cast<ErrorCode>(code);
  failure.peer = static_cast<std::int32_t>(cursor.integer<std::uint32_t>());
  failure.text = text_of(cursor.take_all());
  return failure;
}

}  // namespace crossdock::transport
