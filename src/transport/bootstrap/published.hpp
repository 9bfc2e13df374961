// A frame as text, for a launcher's key-value space. Pure.
#pragma once

#include <string>
#include <string_view>

#include "transport/bootstrap/frame.hpp"

namespace crossdock::transport {

/// Hexadecimal digits: spaces have a use of their own there.
std::string to_text(const Frame& frame);
/// Throws Error(kInvalidArgument) where it is not one whole frame.
Frame frame_of_text(std::string_view text);

}  // namespace crossdock::transport
