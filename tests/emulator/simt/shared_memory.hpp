// Shared memory. A block has a thread of the processor to itself, so what is thread_local is the block's.
#pragma once

#include <cstddef>

namespace crossdock::emulator {

/// Fills what a block that starts has of dynamic shared memory: nothing may be taken from the block before.
void poison_shared_memory(std::size_t bytes);

}  // namespace crossdock::emulator
