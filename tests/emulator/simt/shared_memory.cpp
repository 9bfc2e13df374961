#include "simt/shared_memory.hpp"

#include <cstring>

#include "simt/sms.hpp"

// What kernels declare as `extern __shared__`.
namespace crossdock::kernels {

alignas(128) thread_local std::byte dynamic[emulator::kSmemOfBlock];
alignas(128) thread_local float memory[emulator::kSmemOfBlock / sizeof(float)];

}  // namespace crossdock::kernels

namespace crossdock::emulator {

void poison_shared_memory(std::size_t bytes) {
  constexpr int kPoison = 0xCD;
  std::memset(kernels::dynamic, kPoison, bytes);
  std::memset(kernels::memory, kPoison, bytes);
}

}  // namespace crossdock::emulator
