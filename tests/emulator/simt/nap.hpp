// Real time for others: where a block stands still, other blocks and other GPUs get far ahead of it.
#pragma once

#include <cstdint>

namespace crossdock::emulator {

/// Sleeps up to 100 microseconds, how long says `random`.
void nap(std::uint64_t random);

}  // namespace crossdock::emulator
