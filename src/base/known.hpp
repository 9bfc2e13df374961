// Values of the public enums that come from outside: a caller's field, a byte of a peer.
#pragma once

#include <fmt/format.h>

#include <string>

#include "crossdock/types.hpp"

namespace crossdock::base {

/// Whether the enum has such a value.
template <typename Enum>
bool is_known(Enum value) {
  return name_of(value) != name_of(static_cast<Enum>(0xFF));
}

/// Its name, or "value 77" where the enum has none such.
template <typename Enum>
std::string shown(Enum value) {
  return is_known(value) ? std::string(name_of(value)) : fmt::format("value {}", static_cast<int>(value));
}

}  // namespace crossdock::base
