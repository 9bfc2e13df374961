// The version of these headers, and that of the library they meet at run time.
#pragma once

#include <string_view>

namespace crossdock {

/// Of these headers. The build refuses headers that differ from the project's version.
inline constexpr int kVersionMajor = 0;
inline constexpr int kVersionMinor = 1;
inline constexpr int kVersionPatch = 0;

/// "0.1.0": of the library that was loaded. Versions with the same major and, before 1.0, the same minor number are
/// compatible; the SONAME says which those are.
std::string_view version();

}  // namespace crossdock
