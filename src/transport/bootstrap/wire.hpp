// Plain structs as bytes, between processes of one machine.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "crossdock/error.hpp"

namespace crossdock::transport {

template <typename Struct>
  requires std::has_unique_object_representations_v<Struct>
std::vector<std::byte> bytes_of(const Struct& value) {
  std::vector<std::byte> bytes(sizeof(Struct));
  std::memcpy(bytes.data(), &value, sizeof(Struct));
  return bytes;
}

/// Throws Error(kInvalidArgument) where the size is wrong; `what` names the sender.
template <typename Struct>
  requires std::has_unique_object_representations_v<Struct>
Struct struct_of(std::span<const std::byte> bytes, std::string_view what) {
  if (bytes.size() != sizeof(Struct)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected {} bytes, got {}", what, sizeof(Struct), bytes.size()));
  }
  Struct value;
  std::memcpy(&value, bytes.data(), sizeof(Struct));
  return value;
}

}  // namespace crossdock::transport
