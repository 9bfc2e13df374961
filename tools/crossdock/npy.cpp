#include "npy.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

#include "crossdock/error.hpp"

namespace crossdock::tools {
namespace {

constexpr std::size_t kMagicBytes = 8;  // "\x93NUMPY", major, minor
constexpr std::size_t kMaxDims = 3;

[[noreturn]] void reject(std::size_t offset, const std::string& expected, const std::string& got) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("npy, byte {}: expected {}, got {}", offset, expected, got));
}

/// Text of a file, safe to print.
std::string quoted(std::string_view text) {
  std::string safe;
  for (const char c : text.substr(0, 40)) safe += (c >= ' ' && c <= '~') ? c : '?';
  return fmt::format("\"{}\"{}", safe, text.size() > 40 ? "..." : "");
}

struct Header {
  std::string descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// The header is the text of a Python dictionary with three known keys: nothing else is understood.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  Header read() {
    Header header;
    take('{');
    while (peek() != '}') {
      read_item(header);
      if (peek() != '}') take(',');
    }
    take('}');
    if (at_ != text_.size() && peek() != '\0') fail("spaces up to the end of the header");
    return header;
  }

 private:
  void read_item(Header& header) {
    const std::size_t key_at = at_;
    const std::string key = string();
    take(':');
    if (key == "descr") {
      header.descr = string();
    } else if (key == "fortran_order") {
      header.fortran_order = boolean();
    } else if (key == "shape") {
      header.shape = tuple();
    } else {
      reject(offset_ + key_at, "a key of 'descr', 'fortran_order', 'shape'", quoted(key));
    }
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  /// The next character that is not a space, '\0' at the end.
  char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void take(char wanted) {
    if (peek() != wanted) fail(fmt::format("'{}'", wanted));
    ++at_;
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a string in quotes");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a closing quote");
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip_spaces();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    take('(');
    while (peek() != ')') {
      if (values.size() == kMaxDims) fail("at most 3 dimensions");
      values.push_back(integer());
      if (peek() != ')') take(',');
    }
    take(')');
    return values;
  }
  std::int64_t integer() {
    skip_spaces();
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (failure != std::errc{} || value < 0) fail("a size");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }
  [[noreturn]] void fail(const std::string& expected) {
    reject(offset_ + at_, expected, at_ < text_.size() ? quoted(text_.substr(at_, 16)) : "the end of the header");
  }

  std::string_view text_;
  std::size_t offset_;
  std::size_t at_ = 0;
};

std::size_t little_endian(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8) | std::to_integer<std::size_t>(bytes[i]);
  return value;
}

/// Offset of the header's text and its length.
struct HeaderPlace {
  std::size_t begin = 0;
  std::size_t length = 0;
};

HeaderPlace find_header(std::span<const std::byte> bytes) {
  static constexpr std::array<unsigned char, 6> kMagic{0x93, 'N', 'U', 'M', 'P', 'Y'};
  if (bytes.size() < kMagicBytes) reject(0, "8 bytes of magic and version", fmt::format("{} bytes", bytes.size()));
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) reject(0, "the magic \\x93NUMPY", "other bytes");
  const int major = std::to_integer<int>(bytes[6]);
  if (major != 1 && major != 2) reject(6, "format version 1 or 2", fmt::format("{}", major));
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t begin = kMagicBytes + length_bytes;
  if (bytes.size() < begin) reject(kMagicBytes, "the header's length", fmt::format("{} bytes", bytes.size()));
  const std::size_t length = little_endian(bytes.subspan(kMagicBytes, length_bytes));
  if (length > bytes.size() - begin) {
    reject(kMagicBytes, fmt::format("a header of at most {} bytes", bytes.size() - begin), fmt::format("{}", length));
  }
  return {begin, length};
}

/// Bytes of one value.
std::size_t check_type(const Header& header, std::size_t offset) {
  if (!header.fortran_order || !header.shape || header.descr.empty()) {
    reject(offset, "the keys 'descr', 'fortran_order' and 'shape'", "a header without one of them");
  }
  if (*header.fortran_order) reject(offset, "'fortran_order': False", "True");
  if (header.shape->size() != kMaxDims) {
    reject(offset, "3 dimensions [ranks, tokens, top_k]", fmt::format("{}", header.shape->size()));
  }
  if (header.descr == "<i4") return 4;
  if (header.descr == "<i8") return 8;
  reject(offset, "'descr' '<i4' or '<i8'", quoted(header.descr));
}

/// Number of values; rejects sizes whose product is not that of the data.
std::size_t check_size(const std::vector<std::int64_t>& shape, std::size_t value_bytes, std::size_t data_bytes,
                       std::size_t offset) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(count, static_cast<std::size_t>(size), &count)) {
      reject(offset, "a shape whose product fits 64 bits", "an overflow");
    }
  }
  if (count != data_bytes / value_bytes || data_bytes % value_bytes != 0) {
    reject(offset, fmt::format("{} values of {} bytes", count, value_bytes), fmt::format("{} bytes", data_bytes));
  }
  return count;
}

}  // namespace

NpyRouting parse_npy(std::span<const std::byte> bytes) {
  const HeaderPlace place = find_header(bytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + place.begin, place.length);
  const Header header = HeaderReader(text, place.begin).read();
  const std::size_t value_bytes = check_type(header, place.begin);
  const auto data = bytes.subspan(place.begin + place.length);
  const std::size_t count = check_size(*header.shape, value_bytes, data.size(), place.begin + place.length);

  NpyRouting routing{.num_ranks = (*header.shape)[0], .num_tokens = (*header.shape)[1], .top_k = (*header.shape)[2]};
  routing.values.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t bits = little_endian(data.subspan(i * value_bytes, value_bytes));
    routing.values[i] = value_bytes == 4 ? static_cast<std::int32_t>(bits) : static_cast<std::int64_t>(bits);
  }
  return routing;
}

NpyRouting read_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: cannot be opened", path));
  const std::vector<char> text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  try {
    return parse_npy(std::as_bytes(std::span(text)));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", path, error.what()));
  }
}

}  // namespace crossdock::tools
