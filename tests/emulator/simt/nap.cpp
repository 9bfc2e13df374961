#include "simt/nap.hpp"

#include <chrono>
#include <thread>

namespace crossdock::emulator {

void nap(std::uint64_t random) {
  constexpr std::uint64_t kLongest = 100;
  std::this_thread::sleep_for(std::chrono::microseconds(random % kLongest));
}

}  // namespace crossdock::emulator
