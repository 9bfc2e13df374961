#include "base/environment.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "crossdock/error.hpp"

namespace crossdock::base {

namespace {

const char* value_of(const char* name) {
  return std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
}

}  // namespace

bool environment_has(const char* name) { return value_of(name) != nullptr; }

std::optional<std::string> environment_text(const char* name) {
  const char* value = value_of(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

std::optional<std::int64_t> environment_integer(const char* name, std::int64_t low, std::int64_t high) {
  const auto text = environment_text(name);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stopped, failure] = std::from_chars(text->data(), end, value);
  if (failure != std::errc{} || stopped != end || value < low || value > high) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("environment variable {}: expected an integer of [{}, {}], got \"{}\"", name, low, high, *text));
  }
  return value;
}

}  // namespace crossdock::base
