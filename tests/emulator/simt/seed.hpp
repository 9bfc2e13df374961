// Where random order comes from.
#pragma once

#include <cstdint>

namespace crossdock::emulator {

/// Another one each call, never 0. From EMULATED_SEED (default 1), so that a run can be given other orders; which
/// thread of the processor runs when stays the operating system's choice.
std::uint64_t next_seed();

}  // namespace crossdock::emulator
