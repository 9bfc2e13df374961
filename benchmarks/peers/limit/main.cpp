// The machine's limit: as many processes as ranks copy (memcpy) or read at once, over pages that are mapped in.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <numeric>

#include "harness/flags.hpp"
#include "harness/memory.hpp"
#include "harness/session.hpp"

namespace crossdock::peers {
namespace {

void run(const Flags& flags) {
  end_with_parent();
  Meeting meeting(flags.text("meeting"), static_cast<int>(flags.number("rank", 0, {.least = 0})),
                  static_cast<int>(flags.number("ranks", 1)));
  const auto bytes = static_cast<std::size_t>(flags.number("bytes", 1 << 28, {.most = 1L << 40}));
  const Memory source(bytes);
  const Memory target(bytes);
  std::uint64_t sum = 0;
  const Operation copy{.name = "memcpy", .run = [&] {
                         std::memcpy(target.data(), source.data(), bytes);
                         asm volatile("" : : "r"(target.data()) : "memory");  // the copy has a reader
                       }};
  const Operation read{.name = "read", .run = [&] {
                         const auto words = source.as<std::uint64_t>();
                         sum += std::accumulate(words.begin(), words.end(), std::uint64_t{0});
                         asm volatile("" : : "r"(sum));
                       }};
  run_session(meeting, {copy, read}, fmt::format(R"({{"bytes": {}}})", bytes));
}

}  // namespace
}  // namespace crossdock::peers

int main(int count, char** words) try {
  crossdock::peers::run(crossdock::peers::Flags(count, words));
} catch (const std::exception& failure) {
  fmt::print(stderr, "{}\n", failure.what());
  return 1;
}
