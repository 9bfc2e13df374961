// What a GPU would answer with a hang, a wrong byte or an illegal access ends the program here, and says why.
#pragma once

#include <string_view>

namespace crossdock::emulator {

/// Prints where the calling CUDA thread is, if there is one, and aborts.
[[noreturn]] void fail(std::string_view what);

}  // namespace crossdock::emulator
