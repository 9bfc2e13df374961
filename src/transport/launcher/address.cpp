#include "transport/launcher/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

// Of a host name, in the domain name system.
constexpr std::size_t kMostOfName = 253;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}

bool is_ip(int family, std::string_view text) {
  std::array<unsigned char, 16> address{};
  return text.find('\0') == std::string_view::npos &&
         ::inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

// A zone names the interface of a link-local address: fe80::1%eth0.
bool is_ipv6(std::string_view text) {
  const std::size_t percent = text.find('%');
  if (percent == std::string_view::npos) return is_ip(AF_INET6, text);
  const std::string_view zone = text.substr(percent + 1);
  return is_ip(AF_INET6, text.substr(0, percent)) && !zone.empty() && std::ranges::all_of(zone, is_name_character);
}

// What ends in a number is an IPv4 address or a mistake: no top-level domain does.
bool is_name_or_ipv4(std::string_view text) {
  if (text.empty() || text.size() > kMostOfName || text.front() == '-' || text.front() == '.') return false;
  if (!std::ranges::all_of(text, is_name_character)) return false;
  const std::string_view label = text.substr(text.rfind('.') + 1);
  const bool numeric = !label.empty() && std::ranges::all_of(label, is_digit);
  return !numeric || is_ip(AF_INET, text);
}

bool is_host(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) return is_ipv6(text.substr(1, text.size() - 2));
  return is_name_or_ipv4(text) || is_ipv6(text);
}

bool has_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && std::ranges::all_of(port, is_digit) && is_host(text.substr(0, colon));
}

}  // namespace

std::string parse_address(std::string_view text, std::string_view what) {
  if (is_host(text)) return std::string(text.starts_with('[') ? text.substr(1, text.size() - 2) : text);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected a host name, an IPv4 or an IPv6 address{}, got \"{}\"", what,
                          has_port(text) ? " without a port, which has a setting of its own" : "", text));
}

}  // namespace crossdock::transport
