// Waiting, in a test, for what another thread or process does.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace crossdock::testing {

/// Looks every millisecond, at least once. False where the condition did not hold in time.
inline bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace crossdock::testing
