// A barrier of a block, and whose memory it orders: of those who wait in one phase, whatever the next one's do.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace crossdock::emulator {

struct Barrier {
  std::vector<unsigned> waiting;
  unsigned arrived = 0;  ///< threads of this phase that do not wait
  std::size_t phase = 0;
  /// Of even and of odd phases, for publish() and observe(): who is late to leave one cannot be two behind.
  std::array<std::uint64_t, 2> words = {};

  const void* word() const { return &words[phase % words.size()]; }
};

}  // namespace crossdock::emulator
