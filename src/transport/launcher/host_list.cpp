#include "transport/launcher/host_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

// Adds and multiplies without overflow; no machine has as many.
constexpr std::int64_t kMostHosts = std::numeric_limits<std::int32_t>::max();

std::optional<std::int64_t> number_of(std::string_view text) {
  constexpr std::size_t kMostDigits = 18;  // of any number that fits
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || text.empty() || text.size() > kMostDigits) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : text) number = 10 * number + (c - '0');
  return number;
}

/// Cuts off what comes before the separator, and the separator.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view taken = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return taken;
}

/// One list, read from its beginning.
class Parser {
 public:
  Parser(std::string_view text, std::string_view what) : rest_(text), text_(text), what_(what) {}

  HostList list() {
    HostList list = name();
    while (accept(',')) list.num_hosts = limited(list.num_hosts + name().num_hosts);
    if (!rest_.empty()) fail();
    return list;
  }

 private:
  // Text and brackets in turn.
  HostList name() {
    HostList name{.num_hosts = 1};
    while (!rest_.empty() && rest_.front() != ',') {
      const bool bracket = accept('[');
      const HostList part = bracket ? numbers() : plain();
      name.first += part.first;
      name.num_hosts = limited(name.num_hosts * part.num_hosts);
    }
    if (name.first.empty()) fail();
    return name;
  }

  HostList plain() {
    const std::size_t size = std::min(rest_.find_first_of("[],"), rest_.size());
    const std::string_view text = rest_.substr(0, size);
    const bool graphic = std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
    if (text.empty() || !graphic) fail();
    rest_.remove_prefix(size);
    return {.first = std::string(text), .num_hosts = 1};
  }

  HostList numbers() {
    const std::size_t end = rest_.find(']');
    if (end == std::string_view::npos) fail();
    std::string_view inside = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    if (inside.empty() || inside.back() == ',') fail();
    HostList numbers;
    while (!inside.empty()) {
      const HostList one = range(take_until(inside, ','));
      if (numbers.num_hosts == 0) numbers.first = one.first;
      numbers.num_hosts = limited(numbers.num_hosts + one.num_hosts);
    }
    return numbers;
  }

  // "7" or "001-003".
  HostList range(std::string_view text) {
    const bool single = text.find('-') == std::string_view::npos;
    const std::string_view low_text = single ? text : take_until(text, '-');
    const auto low = number_of(low_text);
    const auto high = number_of(text);
    if (!low || !high || *high < *low || *high - *low >= kMaxHostsOfRange) fail();
    return {.first = std::string(low_text), .num_hosts = *high - *low + 1};
  }

  bool accept(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::int64_t limited(std::int64_t num_hosts) const {
    if (num_hosts > kMostHosts) fail();
    return num_hosts;
  }

  [[noreturn]] void fail() const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a list of hosts such as \"a,b[1-2,07]\" with at most {} hosts a range, got "
                            "\"{}\" (not understood from byte {} on)",
                            what_, kMaxHostsOfRange, text_, text_.size() - rest_.size()));
  }

  std::string_view rest_;
  std::string_view text_;
  std::string_view what_;
};

}  // namespace

HostList parse_host_list(std::string_view text, std::string_view what) { return Parser(text, what).list(); }

}  // namespace crossdock::transport
