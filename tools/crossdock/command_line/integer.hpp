// Integers as people write them, and nothing else: no octal, no rounding, no wrap.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace crossdock::tools {

/// Decimal digits, a minus before them where the type has one; no plus, no spaces and no zeros in front. Nothing where
/// the text is something else or the number does not fit.
template <std::integral Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  if (text == "-0") return std::nullopt;
  Integer value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace crossdock::tools
