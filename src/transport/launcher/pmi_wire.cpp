#include "transport/launcher/pmi_wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "crossdock/error.hpp"

namespace crossdock::transport {
namespace {

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, "PMI: " + message); }

// For a message, whatever the other end may have sent.
std::string shown(std::string_view line) {
  std::string text(line.substr(0, 200));
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

const std::string& PmiAnswer::word(std::string_view name) const {
  const auto found = words.find(name);
  if (found == words.end()) refuse(fmt::format("{}: expected {}=..., got none", command, name));
  return found->second;
}

int PmiAnswer::integer(std::string_view name, int low, int high) const {
  const std::string& text = word(name);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    refuse(fmt::format("{}: {}: expected an integer of [{}, {}], got {}", command, name, low, high, text));
  }
  return value;
}

PmiAnswer parse_pmi_answer(std::string_view line) {
  PmiAnswer answer;
  for (std::string_view rest = line; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    const bool first = answer.command.empty();
    if (equals == std::string_view::npos || equals == 0 || !is_plain(word) ||
        first != (word.substr(0, equals) == "cmd")) {
      refuse(fmt::format("expected a line cmd=... name=value ..., got \"{}\"", shown(line)));
    }
    const std::string value(word.substr(equals + 1));
    if (first) {
      if (value.empty()) refuse(fmt::format("expected a command, got \"{}\"", shown(line)));
      answer.command = value;
    } else if (!answer.words.emplace(word.substr(0, equals), value).second) {
      refuse(fmt::format("expected every word once, got \"{}\"", shown(line)));
    }
  }
  if (answer.command.empty()) refuse("expected a line cmd=..., got an empty one");
  return answer;
}

std::string pmi_request(std::string_view command,
                        std::initializer_list<std::pair<std::string_view, std::string_view>> words) {
  std::string line = fmt::format("cmd={}", command);
  for (const auto& [name, value] : words) {
    if (!is_plain(value)) refuse(fmt::format("{}: {}: expected no spaces, got \"{}\"", command, name, shown(value)));
    line += fmt::format(" {}={}", name, value);
  }
  return line + '\n';
}

}  // namespace crossdock::transport
