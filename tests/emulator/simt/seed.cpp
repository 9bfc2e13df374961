#include "simt/seed.hpp"

#include <atomic>
#include <cstdlib>

namespace crossdock::emulator {
namespace {

std::uint64_t first_seed() {
  const char* text = std::getenv("EMULATED_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

}  // namespace

/// splitmix64.
std::uint64_t next_seed() {
  constexpr std::uint64_t kStep = 0x9E37'79B9'7F4A'7C15;
  static std::atomic<std::uint64_t> state{first_seed() * kStep};
  std::uint64_t seed = state.fetch_add(kStep) + kStep;
  seed = (seed ^ seed >> 30) * 0xBF58'476D'1CE4'E5B9;
  seed = (seed ^ seed >> 27) * 0x94D0'49BB'1331'11EB;
  seed ^= seed >> 31;
  return seed == 0 ? 1 : seed;
}

}  // namespace crossdock::emulator
