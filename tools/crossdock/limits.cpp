#include "limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

namespace crossdock::tools {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::size_t copy_bytes(std::int64_t last_level_bytes, int num_ranks) {
  constexpr std::int64_t kLeast = std::int64_t{32} << 20;
  const std::int64_t together = 5 * last_level_bytes;
  return static_cast<std::size_t>(std::max(kLeast, together / num_ranks));
}

void measure_copies(Rendezvous& rendezvous, std::size_t bytes, std::span<CopyTime> times) {
  const std::vector<std::byte> source(bytes, std::byte{1});
  std::vector<std::byte> target(bytes, std::byte{2});
  for (CopyTime& time : times) {
    rendezvous.wait();
    time.begin = now_seconds();
    std::memcpy(target.data(), source.data(), bytes);
    // the copy has a reader, so it cannot be left out
    asm volatile("" : : "r"(target.data()) : "memory");
    time.end = now_seconds();
  }
}

}  // namespace crossdock::tools
