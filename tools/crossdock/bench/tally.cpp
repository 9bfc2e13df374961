#include "bench/tally.hpp"

#include <fmt/format.h>

#include <cstring>

namespace crossdock::tools::bench {

void Tally::compare(std::string_view what, const void* got, const void* expected, std::size_t bytes) {
  bytes_ += bytes;
  if (bytes == 0 || std::memcmp(got, expected, bytes) == 0) return;
  const auto* g = static_cast<const unsigned char*>(got);
  const auto* e = static_cast<const unsigned char*>(expected);
  for (std::size_t i = 0; i < bytes; ++i) {
    if (g[i] == e[i]) continue;
    if (first_.empty()) first_ = fmt::format("{}, byte {}: expected {:#04x}, got {:#04x}", what, i, e[i], g[i]);
    ++differences_;
  }
}

void Tally::compare_number(std::string_view what, std::int64_t got, std::int64_t expected) {
  compare(what, &got, &expected, sizeof(got));
}

}  // namespace crossdock::tools::bench
