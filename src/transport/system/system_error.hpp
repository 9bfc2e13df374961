// A refusal of the operating system as an Error.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>

namespace crossdock::transport {

/// Throws Error(kSystem): "<call>: <context>: <text of error_number>", with the limit that may lie behind it; an empty
/// context is left out.
[[noreturn]] void throw_system(std::string_view call, const std::string& context = {}, int error_number = errno);

/// The text of an errno value.
std::string error_text(int error_number);

}  // namespace crossdock::transport
